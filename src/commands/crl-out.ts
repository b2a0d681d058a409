import { join } from 'node:path';
import type { CrlPublication } from '../authority/crl.ts';
import { pemOf } from '../authority/published-crls.ts';
import type { RebuiltCrl } from '../authority/rebuild-crls.ts';
import { checkReplaceable, checkWritable, ensureDirectory, replaceFile } from '../files.ts';
import { formatInstant } from '../options.ts';

/** Where the CRLs go besides the PKI directory. */
export interface CrlOut {
  readonly path: string;
  readonly isDer: boolean;
  /** Then it is a directory. */
  readonly isSeries: boolean;
}

/** Throws `unwritable` before anything is signed. */
export async function checkOut({ path, isSeries }: CrlOut): Promise<void> {
  if (!isSeries) {
    checkReplaceable(path);
    return;
  }
  await ensureDirectory(path, 0o755);
  checkWritable(path);
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
