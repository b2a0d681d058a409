import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import {
  issuingDistributionPoint,
  type DistributionPoint,
  type DistributionPointName,
  type IssuingDistributionPoint,
} from '../x509/extensions.ts';
import type { GeneralName } from '../x509/general-name.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { appendRdn, nameKey, namesMatch, type Name } from '../x509/name.ts';

/** All ReasonFlags but bit 0, which is not used: RFC 5280, 4.2.1.13. */
export const allReasons = 0b1_1111_1110;

/**
 * The ReasonFlags for which a CRL answers, if it answers for the certificate at all by its issuer and its issuingDistributionPoint.
 * RFC 5280, 6.3.3 (b), (d). The extension has been read before.
 */
export function reasonsCovered(
  crl: Crl,
  point: DistributionPoint,
  certificate: Certificate,
  isCa: boolean,
): number | 'other-issuer' | 'out-of-scope' {
  const scope = issuingDistributionPoint(crl);
  if (!isIssuedFor(crl, point, certificate, scope?.indirectCRL === true)) return 'other-issuer';
  if (scope === undefined) return point.reasons ?? allReasons;
  if (!holdsKind(scope, isCa) || !namesSharedPoint(scope, point, certificate, crl)) return 'out-of-scope';
  return (point.reasons ?? allReasons) & (scope.onlySomeReasons ?? allReasons);
}

/** RFC 5280, 6.3.3 (b) (1). */
function isIssuedFor(crl: Crl, point: DistributionPoint, certificate: Certificate, indirect: boolean): boolean {
  if (point.crlIssuer === undefined) return namesMatch(crl.issuer, certificate.issuer);
  return (
    (indirect || namesMatch(crl.issuer, certificate.issuer)) &&
    point.crlIssuer.some(name => name.kind === 'directory' && namesMatch(name.name, crl.issuer))
  );
}

/** RFC 5280, 6.3.3 (b) (2) (ii) to (iv). */
function holdsKind(scope: IssuingDistributionPoint, isCa: boolean): boolean {
  return (
    !scope.onlyContainsAttributeCerts && !(scope.onlyContainsUserCerts && isCa) && !(scope.onlyContainsCACerts && !isCa)
  );
}

/** RFC 5280, 6.3.3 (b) (2) (i). */
function namesSharedPoint(
  scope: IssuingDistributionPoint,
  point: DistributionPoint,
  certificate: Certificate,
  crl: Crl,
): boolean {
  if (scope.distributionPoint === undefined) return true;
  const scopeNames = new Set(fullNames(scope.distributionPoint, crl.issuer).map(comparable));
  return pointNames(point, certificate).some(name => scopeNames.has(comparable(name)));
}

function pointNames(point: DistributionPoint, certificate: Certificate): readonly GeneralName[] {
  const crlIssuer = point.crlIssuer?.find(name => name.kind === 'directory');
  if (point.distributionPoint !== undefined) {
    return fullNames(point.distributionPoint, crlIssuer?.kind === 'directory' ? crlIssuer.name : certificate.issuer);
  }
  return point.crlIssuer ?? [{ kind: 'directory', name: certificate.issuer }];
}

/** A relative name is appended to the CRL issuer's: RFC 5280, 4.2.1.13. */
function fullNames(name: DistributionPointName, issuer: Name): readonly GeneralName[] {
  return name.kind === 'fullName' ? name.names : [{ kind: 'directory', name: appendRdn(issuer, name.rdn) }];
}

function comparable(name: GeneralName): string {
  return name.kind === 'directory' ? `directory ${nameKey(name.name)}` : formatGeneralName(name);
}
