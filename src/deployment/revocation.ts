import type { Certificate } from '../x509/certificate.ts';
import { type Crl, findRevoked } from '../x509/crl.ts';
import { crlReasonName, deltaCrlIndicator, reasonCode } from '../x509/extensions.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { verifySignature } from '../x509/signature.ts';
import type { Revocation } from './decision.ts';

/** Finds the first certificate of a chain (leaf first, trust anchors last, in any order) that is revoked. Throws `malformed`. */
export type RevocationCheck = (chain: readonly Certificate[]) => Revocation | undefined;

/**
 * A check against CRLs, each signature of which is verified once. To be told of a revocation no CRL need be fresh: what one says, signed by the
 * issuer's key, stands. Deltas are left to those who verify. Of several CRLs of an issuer the newest counts (RFC 5280, 5.2.3).
 */
export function revocationCheck(crls: readonly Crl[]): RevocationCheck {
  const complete = crls
    .filter(crl => deltaCrlIndicator(crl) === undefined)
    .toSorted((a, b) => b.thisUpdate - a.thisUpdate);
  const signed = new Map<Crl, Map<Certificate, boolean>>();
  const isSignedBy = (crl: Crl, issuer: Certificate): boolean => {
    const known = signed.get(crl) ?? new Map<Certificate, boolean>();
    signed.set(crl, known);
    let outcome = known.get(issuer);
    if (outcome === undefined) {
      const { signatureAlgorithm, tbs, signature } = crl;
      outcome = verifySignature(signatureAlgorithm, issuer.subjectPublicKeyInfo, tbs, signature) === 'valid';
      known.set(issuer, outcome);
    }
    return outcome;
  };
  const entryOf = (
    certificate: Certificate,
    issuer: Certificate,
  ): Pick<Revocation, 'reason' | 'revocationDate'> | undefined => {
    const crl = complete.find(each => namesMatch(each.issuer, certificate.issuer) && isSignedBy(each, issuer));
    const entry = crl && findRevoked(crl, certificate.serialNumber, certificate.issuer);
    if (entry === undefined) return undefined;
    return { revocationDate: entry.revocationDate, reason: crlReasonName(reasonCode(entry) ?? 0) ?? 'unspecified' };
  };
  return chain => {
    for (const [index, certificate] of chain.entries()) {
      if (namesMatch(certificate.subject, certificate.issuer)) continue;
      for (const issuer of chain.filter(each => namesMatch(each.subject, certificate.issuer))) {
        const entry = entryOf(certificate, issuer);
        if (entry === undefined) continue;
        return { place: index === 0 ? 'leaf' : 'issuer', subject: formatName(certificate.subject), ...entry };
      }
    }
    return undefined;
  };
}
