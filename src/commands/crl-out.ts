import { join } from 'node:path';
import type { CrlPublication } from '../authority/crl.ts';
import { pemOf, readable } from '../authority/published-crls.ts';
import type { RebuiltCrl } from '../authority/rebuild-crls.ts';
import { crlLimit } from '../authority/trust.ts';
import { MtlsctlError } from '../errors.ts';
import { checkReplaceable, checkWritable, ensureDirectory, readOptional, replaceFile } from '../files.ts';
import { formatInstant } from '../options.ts';

/** Where the CRLs go besides the PKI directory. */
export interface CrlOut {
  readonly path: string;
  readonly isDer: boolean;
  /** Then it is a directory. */
  readonly isSeries: boolean;
}

/** Throws `unwritable`, and `already-exists` for a file that is no CRL, before anything is signed. */
export async function checkOut({ path, isSeries }: CrlOut): Promise<void> {
  if (!isSeries) {
    checkReplaceable(path);
    await refuseOther(path);
    return;
  }
  await ensureDirectory(path, 0o755);
  checkWritable(path);
}

/** A slip of the hand must not cost a key or a ledger. */
async function refuseOther(path: string): Promise<void> {
  const file = await readOptional(path, crlLimit);
  if (file === undefined || file.length === 0 || readable(file).length > 0) return;
  throw new MtlsctlError('already-exists', `${path} is there, and is no CRL`, {
    hints: [`look at it with 'mtlsctl inspect ${path}'`, 'give --out another name, or remove the file first'],
    details: { path },
  });
}

/** Writes them and tells the files. */
export async function writeOut(out: CrlOut, rebuilt: readonly RebuiltCrl[]): Promise<readonly string[]> {
  const published = rebuilt.flatMap(each => (each.status === 'published' ? [each] : []));
  const files = out.isSeries
    ? published.flatMap(({ name, publications }) =>
        publications.map(each => ({ path: join(out.path, seriesName(name, each, out.isDer)), crls: [each] })),
      )
    : [{ path: out.path, crls: published.flatMap(({ publications }) => publications) }];
  for (const { path, crls } of files) await replaceFile(path, content(out, crls), { mode: 0o644 });
  return files.map(({ path }) => path);
}

/** `root-20261122T140501Z-4.pem`: sorted by name they are in the order of their days. */
function seriesName(authority: string, { thisUpdate, number }: CrlPublication, isDer: boolean): string {
  const day = formatInstant(thisUpdate).replace(/[-:]/g, '');
  return `${authority}-${day}-${number}.${isDer ? 'crl' : 'pem'}`;
}

function content({ isDer }: CrlOut, crls: readonly CrlPublication[]): Uint8Array {
  if (!isDer) return Buffer.concat(crls.map(({ crl }) => pemOf(crl)));
  // Of one authority, as the command has seen to.
  return Buffer.concat(crls.map(({ crl }) => crl.der));
}
