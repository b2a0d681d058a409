import * as fs from 'node:fs';
import { join } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import { openRegular, perform } from '../file-operations.ts';
import { readOptional, replaceFile } from '../files.ts';
import type { AuthorityPaths } from './authority.ts';
import { isKnownEvent, ledgerCorrupt, type LedgerEntry, lineHash, parseLine } from './ledger-format.ts';
import { isTorn, type Line, splitLines } from './ledger-lines.ts';
import { beginningMark, isMark, isStillThere, type LedgerMark, worthKeeping } from './ledger-mark.ts';

/** How often each event stands in a ledger. */
export type EventCounts = Readonly<Partial<Record<LedgerEntry['event'], number>>>;

/** What was counted of a ledger, up to and with its last whole line. */
interface Counted extends LedgerMark {
  readonly events: EventCounts;
}

const nothing: Counted = { ...beginningMark, events: {} };

/**
 * Counts the events of an authority's ledger, where a ledger of a million lines need be read once only: what was counted is kept beside it, and
 * goes for as long as the ledger still has the line with which it ends. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`.
 */
export async function countEvents(paths: AuthorityPaths): Promise<EventCounts> {
  const kept = await readCounted(paths);
  const counted = count(paths.ledger, kept);
  if (counted.end - kept.end > worthKeeping) await keep(paths, counted);
  return counted.events;
}

function count(path: string, kept: Counted): Counted {
  const { file } = openRegular(path);
  try {
    const before = isStillThere(file, path, kept) ? kept : nothing;
    return countOn(splitLines(chunksFrom(file, path, before.end), path), before, path);
  } finally {
    fs.closeSync(file);
  }
}

function countOn(lines: Iterable<Line>, before: Counted, path: string): Counted {
  const events = new Map(Object.entries(before.events));
  let last: Line | undefined;
  for (const line of lines) {
    if (isTorn(line)) break;
    const event = eventOf(line, before.lines + line.number, path);
    events.set(event, (events.get(event) ?? 0) + 1);
    last = line;
  }
  if (last === undefined) return before;
  const lastStart = before.end + last.offset;
  return {
    lines: before.lines + last.number,
    lastStart,
    end: lastStart + last.bytes.length + 1,
    hash: lineHash(last.bytes),
    events: Object.fromEntries(events),
  };
}

const beginning = /^\{"seq":(\d{1,15}),"at":"[\dTZ:.-]{20,24}","event":"([a-z-]{1,40})",/;

/** Room for what the pattern matches at the longest. */
const beginningLength = 120;

/** By the beginning of the line, where it is as ours are; else the parser decides. `number` is that of the line in the whole ledger. */
function eventOf(line: Line, number: number, path: string): LedgerEntry['event'] {
  const { buffer, byteOffset, length } = line.bytes;
  const match = beginning.exec(Buffer.from(buffer, byteOffset, Math.min(length, beginningLength)).toString('latin1'));
  if (match !== null && Number(match[1]) === number && !line.isLast) {
    const name = match[2] ?? '';
    return isKnownEvent(name) ? name : 'unknown';
  }
  const entry = parseLine(line.bytes);
  if (typeof entry === 'string') throw ledgerCorrupt(path, number, entry);
  if (entry.seq !== number) throw ledgerCorrupt(path, number, `its 'seq' is ${entry.seq}`);
  return entry.event;
}

const chunkSize = 1 << 20;

/** Each chunk in memory of its own, since lines are parts of it. */
function* chunksFrom(file: number, path: string, start: number): Generator<Uint8Array, void, undefined> {
  for (let position = start; ;) {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    const length = readAt(file, path, buffer, position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}

function readAt(file: number, path: string, buffer: Buffer, position: number): number {
  return perform('read', path, () => fs.readSync(file, buffer, 0, buffer.length, position));
}

const schema = 'mtlsctl/ledger-counts/v1';

function countedPath(paths: AuthorityPaths): string {
  return join(paths.directory, 'ledger.counts.json');
}

/** What is damaged, or may not be read, is counted anew. */
async function readCounted(paths: AuthorityPaths): Promise<Counted> {
  try {
    const file = await readOptional(countedPath(paths), 1 << 16);
    const value: unknown = file === undefined ? undefined : JSON.parse(new TextDecoder().decode(file));
    return isCounted(value) ? value : nothing;
  } catch (error) {
    if (isMtlsctlError(error) || error instanceof SyntaxError) return nothing;
    throw error;
  }
}

function isCounted(value: unknown): value is Counted {
  const { schema: found, lines, events } = (value ?? {}) as Record<string, unknown>;
  if (found !== schema || !isMark(value) || typeof events !== 'object' || events === null) return false;
  const each: readonly unknown[] = Object.values(events);
  if (!each.every(count => Number.isSafeInteger(count) && Number(count) >= 0)) return false;
  return each.reduce<number>((sum, number) => sum + Number(number), 0) === lines;
}

/** Whoever may only read counts again next time. */
async function keep(paths: AuthorityPaths, counted: Counted): Promise<void> {
  try {
    await replaceFile(countedPath(paths), `${JSON.stringify({ schema, ...counted })}\n`, { mode: 0o600 });
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
  }
}
