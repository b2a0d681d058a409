import { printable } from '../printable.ts';
import { printableJson } from '../printable-json.ts';
import type { System } from '../system.ts';
import { csvRecord } from './csv.ts';
import { listCertificates, type ListedCertificate, type ListOrder } from './list.ts';

export type ListFormat = 'csv' | 'json' | 'table';

interface ListPrinter {
  readonly system: System;
  readonly note: (text: string) => void;
}

/** So many are kept in memory; a longer list is read a second time while it is printed. */
const keptRows = 10_000;

/** What a table shows: longer ones are for programs. */
const tableRows = 1000;

/**
 * Prints the list. What is wrong with a ledger shows before anything is printed; what is appended meanwhile is left out.
 * Throws what listCertificates() throws.
 */
export async function printList(order: ListOrder, format: ListFormat, printer: ListPrinter): Promise<void> {
  const kept: ListedCertificate[] = [];
  let count = 0;
  for await (const listed of listCertificates(order)) {
    count += 1;
    if (kept.length < keptRows) kept.push(listed);
  }
  const rows = count > kept.length ? firstOf(listCertificates(order), count) : kept;
  if (format === 'table') await printTable(kept, count, order, printer);
  else if (format === 'csv') await printEach(csvText(rows), printer.system);
  else await printEach(jsonText(rows), printer.system);
}

async function* firstOf(list: AsyncIterable<ListedCertificate>, count: number): AsyncGenerator<ListedCertificate> {
  let left = count;
  for await (const listed of list) {
    if (left === 0) return;
    left -= 1;
    yield listed;
  }
}

type Rows = AsyncIterable<ListedCertificate> | Iterable<ListedCertificate>;

/** Written in pieces of this many characters, since each writing costs something. */
const pieceLength = 64 * 1024;

async function printEach(texts: AsyncIterable<string>, { stdout }: System): Promise<void> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < pieceLength) continue;
    stdout.write(piece);
    piece = '';
    await stdout.drained();
  }
  stdout.end(piece);
}

const columns = [
  ...['authority', 'seq', 'serial', 'service', 'subject', 'names', 'profile'],
  ...['issuedAt', 'notBefore', 'notAfter', 'state', 'revokedAt', 'reason'],
] as const;

async function* csvText(rows: Rows): AsyncGenerator<string> {
  yield csvRecord(columns);
  for await (const row of rows) yield csvRecord(columns.map(column => cell(row[column])));
}

function cell(value: ListedCertificate[keyof ListedCertificate]): string {
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}

/** One document, as all others are printed, but in pieces. */
async function* jsonText(rows: Rows): AsyncGenerator<string> {
  yield '{\n  "schema": "mtlsctl/audit/v1",\n  "certificates": [';
  let separator = '\n';
  for await (const row of rows) {
    yield `${separator}    ${printableJson(row, 2).replaceAll('\n', '\n    ')}`;
    separator = ',\n';
  }
  yield separator === '\n' ? ']\n}\n' : '\n  ]\n}\n';
}

async function printTable(
  rows: readonly ListedCertificate[],
  count: number,
  { authorities }: ListOrder,
  { system, note }: ListPrinter,
): Promise<void> {
  const several = authorities.length > 1;
  const shown = rows.slice(0, tableRows);
  if (shown.length > 0) {
    const head = [...(several ? ['AUTHORITY'] : []), 'SERIAL', 'SERVICE', 'ISSUED', 'EXPIRES', 'STATE'];
    const lines = shown.map(row => [
      ...(several ? [row.authority] : []),
      ...[row.serial, row.service ?? row.subject, row.issuedAt, row.notAfter, stateText(row)],
    ]);
    system.stdout.end(
      `${await system.table(
        head,
        lines.map(cells => cells.map(printable)),
      )}\n`,
    );
  }
  if (count === 0) note('no certificate fits');
  if (count > shown.length) note(`${count - shown.length} more: narrow the list down, or use --format csv`);
}

function stateText({ state, reason, revokedAt }: ListedCertificate): string {
  return revokedAt === null ? state : `${state} ${revokedAt} (${reason ?? ''})`;
}
