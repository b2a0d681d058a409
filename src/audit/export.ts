import { parseLine, ledgerCorrupt, type LedgerEntry, lineHash } from '../authority/ledger-format.ts';
import { isTorn, type Line, readLines } from '../authority/ledger-lines.ts';
import { MtlsctlError } from '../errors.ts';
import { fingerprint } from '../x509/certificate.ts';

export interface ExportOrder {
  readonly authority: string;
  readonly ledger: string;
  /** Only lines after this one; 0 for all. */
  readonly sinceSeq: number;
  /** The certificates themselves, not only their fingerprints. */
  readonly withCertificates: boolean;
}

/**
 * The events of a ledger as a log collector wants them, one object each. `line` is the SHA-256 of the line: kept elsewhere it shows later
 * whether the ledger is still what it was. What is not whole yet comes next time.
 * Throws `not-found`, `unreadable`, `ledger-corrupt`.
 */
export function* exportEvents(order: ExportOrder): Generator<object, void, undefined> {
  let lines = 0;
  for (const line of readLines(order.ledger)) {
    if (isTorn(line)) break;
    lines = line.number;
    if (lines > order.sinceSeq) yield exported(line, order);
  }
  if (lines < order.sinceSeq) throw shortened(order, lines);
}

/** Whoever has taken a line knows more than the ledger does now. */
function shortened({ authority, ledger, sinceSeq }: ExportOrder, lines: number): MtlsctlError {
  return new MtlsctlError(
    'ledger-corrupt',
    `${ledger} has ${lines} lines, and not line ${sinceSeq}: lines were cut off`,
    {
      hints: [`run 'mtlsctl audit ${authority}'`],
      details: { path: ledger, lines, sinceSeq },
    },
  );
}

function exported(line: Line, { authority, ledger, withCertificates }: ExportOrder): object {
  const entry = parseLine(line.bytes);
  if (typeof entry === 'string') throw ledgerCorrupt(ledger, line.number, entry);
  if (entry.seq !== line.number) throw ledgerCorrupt(ledger, line.number, `its 'seq' is ${entry.seq}`);
  const { seq, at, event, fields } = partsOf(entry);
  const { certificate, ...others } = fields;
  const isCertificate = typeof certificate === 'string' && event !== 'unknown';
  return {
    ...{ authority, seq, at, event, ...others },
    ...(isCertificate && { certificateSha256: fingerprint(Buffer.from(certificate, 'base64')) }),
    ...(certificate !== undefined && (withCertificates || !isCertificate) && { certificate }),
    ...{ prev: entry.prev, line: lineHash(line.bytes) },
  };
}

function partsOf(entry: LedgerEntry): {
  readonly seq: number;
  readonly at: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
} {
  const { seq, at, event, prev: _prev, sum: _sum, ...fields } = entry;
  return entry.event === 'unknown' ? { seq, at, event: entry.name, fields: entry.fields } : { seq, at, event, fields };
}
