import { type ImportedCrl, importCrls } from '../authority/import-crls.ts';
import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import { crlNumber } from '../x509/extensions.ts';
import { formatName } from '../x509/name.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { crlSchema } from './crl-report.ts';

/** `crl --import`. */
export async function importWay(
  { directory, system }: CommandContext,
  _authorities: readonly string[],
  options: OptionValues,
): Promise<Outcome> {
  const imported = await importCrls({
    directory,
    path: String(options['import']),
    untrusted: options['untrusted'] as string | undefined,
    now: system.now(),
  });
  const crls = imported.map(importedDocument);
  return { document: { schema: crlSchema, crls }, text: () => crls.map(importedLine).join('') };
}

function importedDocument({ crl, issuer, status, waiting }: ImportedCrl) {
  return {
    status,
    authority: issuer.authority?.name ?? null,
    issuer: formatName(crl.issuer),
    number: Number(crlNumber(crl) ?? 0n),
    thisUpdate: formatInstant(crl.thisUpdate),
    nextUpdate: formatInstant(crl.nextUpdate ?? 0),
    entries: crl.revokedCount,
    waiting,
  };
}

function importedLine(each: ReturnType<typeof importedDocument>): string {
  const rest = each.waiting === 0 ? '' : `; ${each.waiting} more wait for their day`;
  return `${printable(each.authority ?? each.issuer)}: ${each.status}, CRL ${each.number}, ${each.entries} revoked, next due ${each.nextUpdate}${rest}\n`;
}
