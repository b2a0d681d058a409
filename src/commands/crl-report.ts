import type { CrlPublication } from '../authority/crl.ts';
import { formatInstant } from '../options.ts';
import { formatName } from '../x509/name.ts';

/** One CRL that was published. */
export function crlDocument(authority: string, { crl, number, thisUpdate, nextUpdate }: CrlPublication) {
  return {
    authority,
    issuer: formatName(crl.issuer),
    number,
    thisUpdate: formatInstant(thisUpdate),
    nextUpdate: formatInstant(nextUpdate),
    entries: crl.revokedCount,
  };
}
