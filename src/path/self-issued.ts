import type { Certificate } from '../x509/certificate.ts';
import { namesMatch } from '../x509/name.ts';

/** Subject and issuer are the same name, as in a root and in the certificates of a key roll-over. RFC 5280, section 3.2. */
export function isSelfIssued(certificate: Certificate): boolean {
  return namesMatch(certificate.subject, certificate.issuer);
}
