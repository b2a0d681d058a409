import * as certificate from './certificate-extensions.ts';
import * as crl from './crl-extensions.ts';
import * as distribution from './distribution-points.ts';
import type { HasExtensions } from './extension.ts';
import * as policy from './policy-extensions.ts';

// Each decoder takes what has extensions and decodes one of them when it is first asked for: undefined where the
// extension is absent, an error `malformed` where it is not exactly what its RFC says. All of them are to be had from here.
export * from './certificate-extensions.ts';
export * from './crl-extensions.ts';
export * from './distribution-points.ts';
export * from './policy-extensions.ts';
export type { Extension, HasExtensions } from './extension.ts';
export { findExtension } from './extension.ts';

const decoders: readonly ((has: HasExtensions) => unknown)[] = [
  certificate.basicConstraints,
  certificate.keyUsage,
  certificate.extendedKeyUsage,
  certificate.subjectAltName,
  certificate.issuerAltName,
  certificate.subjectKeyIdentifier,
  certificate.authorityKeyIdentifier,
  certificate.nameConstraints,
  distribution.crlDistributionPoints,
  distribution.freshestCrl,
  distribution.authorityInformationAccess,
  distribution.subjectInformationAccess,
  policy.certificatePolicies,
  policy.policyMappings,
  policy.policyConstraints,
  policy.inhibitAnyPolicy,
  crl.crlNumber,
  crl.deltaCrlIndicator,
  distribution.issuingDistributionPoint,
  crl.reasonCode,
  crl.invalidityDate,
  crl.certificateIssuer,
];

/** Decodes every extension that mtlsctl knows. Throws `malformed` at the first that is not what its RFC says. */
export function checkExtensions(has: HasExtensions): void {
  for (const decode of decoders) decode(has);
}
