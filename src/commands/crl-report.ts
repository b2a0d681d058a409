import type { CrlPublication } from '../authority/crl.ts';
import { formatInstant } from '../options.ts';
import { formatName } from '../x509/name.ts';

export const crlSchema = 'mtlsctl/crl/v1';

/** One CRL that was published; `base` where it is a delta. */
export function crlDocument(authority: string, { crl, number, thisUpdate, nextUpdate, base }: CrlPublication) {
  return {
    authority,
    issuer: formatName(crl.issuer),
    number,
    thisUpdate: formatInstant(thisUpdate),
    nextUpdate: formatInstant(nextUpdate),
    entries: crl.revokedCount,
    ...(base !== undefined && { base }),
  };
}
