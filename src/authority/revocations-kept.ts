import { createHash, hash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import { openRegular } from '../file-operations.ts';
import { readOptional, replaceFile } from '../files.ts';
import { isMark, isStillThere, type LedgerMark } from './ledger-mark.ts';
import { RevocationTable } from './revocation-table.ts';
import type { Fold } from './revocations.ts';

/*
 * A large ledger is read once for its revocations, and from then on only what came since: what was found is kept beside it, in
 * `ledger.revocations`, and goes for as long as the ledger still has the line with which it ends. It may be deleted at any time. First a line with the
 * SHA-256 of what follows, then a line of JSON, then the table.
 */

const schema = 'mtlsctl/ledger-revocations/v1';

/** A million revocations are 90 MB. */
const limit = 1 << 30;

/** Of this machine: the table's numbers are written as they lie in memory. */
const byteOrder = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'LE' : 'BE';

/** Hex digits. */
const sumLength = 64;

interface Head {
  readonly schema: typeof schema;
  readonly byteOrder: string;
  readonly mark: LedgerMark;
  readonly released: Fold['released'] extends Map<string, infer Release> ? readonly Release[] : never;
  readonly publications: Fold['publications'];
}

export interface KeptRevocations {
  readonly mark: LedgerMark;
  readonly fold: Fold;
}

function keptPath(ledger: string): string {
  return join(dirname(ledger), 'ledger.revocations');
}

/** What was kept of this ledger, if it holds still. What is damaged, or may not be read, is as good as nothing. */
export async function readKept(ledger: string): Promise<KeptRevocations | undefined> {
  try {
    const file = await readOptional(keptPath(ledger), limit);
    const summed = file === undefined ? undefined : withRightSum(file);
    const headEnd = summed?.indexOf(10) ?? -1;
    if (summed === undefined || headEnd < 0) return undefined;
    const head: unknown = JSON.parse(new TextDecoder().decode(summed.subarray(0, headEnd)));
    const body = summed.subarray(headEnd + 1);
    if (!isHead(head) || !holds(ledger, head.mark)) return undefined;
    const revoked = RevocationTable.decode(body);
    if (revoked === undefined) return undefined;
    const released = new Map(head.released.map(release => [release.serial, release]));
    const publications = head.publications.map(each => ({ ...each, base: each.base ?? undefined }));
    return { mark: head.mark, fold: { revoked, released, publications } };
  } catch (error) {
    if (isMtlsctlError(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What follows the sum; undefined where it is not the right one. */
function withRightSum(file: Uint8Array): Uint8Array | undefined {
  const content = file.subarray(sumLength + 1);
  const sum = new TextDecoder().decode(file.subarray(0, sumLength));
  return file[sumLength] === 10 && hash('sha256', content, 'hex') === sum ? content : undefined;
}

function isHead(value: unknown): value is Head {
  const { schema: found, byteOrder: order, mark, released, publications } = (value ?? {}) as Record<string, unknown>;
  const isOurs = found === schema && order === byteOrder && isMark(mark);
  return isOurs && Array.isArray(released) && Array.isArray(publications);
}

function holds(ledger: string, mark: LedgerMark): boolean {
  const { file } = openRegular(ledger);
  try {
    return isStillThere(file, ledger, mark);
  } finally {
    fs.closeSync(file);
  }
}

/** Whoever may only read reads all of it again next time. */
export async function keep(ledger: string, mark: LedgerMark, { revoked, released, publications }: Fold): Promise<void> {
  const body = revoked.encode();
  const head: Head = {
    ...{ schema, byteOrder, mark, released: [...released.values()], publications },
  };
  try {
    const line = `${JSON.stringify(head)}\n`;
    const sum = createHash('sha256').update(line).update(body).digest('hex');
    const content = Buffer.concat([Buffer.from(`${sum}\n${line}`), body]);
    await replaceFile(keptPath(ledger), content, { mode: 0o600 });
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
  }
}
