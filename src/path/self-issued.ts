import type { Certificate } from '../x509/certificate.ts';
import { namesMatch } from '../x509/name.ts';
import { verifySignature } from '../x509/signature.ts';

/** Subject and issuer are the same name, as in a root and in the certificates of a key roll-over. RFC 5280, section 3.2. */
export function isSelfIssued(certificate: Certificate): boolean {
  return namesMatch(certificate.subject, certificate.issuer);
}

/** Signed with the key that it certifies. Costs a signature check. RFC 5280, section 3.2. */
export function isSelfSigned({ signatureAlgorithm, subjectPublicKeyInfo, tbs, signature }: Certificate): boolean {
  return verifySignature(signatureAlgorithm, subjectPublicKeyInfo, tbs, signature) === 'valid';
}
