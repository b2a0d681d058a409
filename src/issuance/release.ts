import { unsignedIntegerContent } from '../der/writer.ts';
import { MtlsctlError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { issuerSignature } from '../x509/issuer-signature.ts';
import { lint } from '../x509/lint.ts';
import { sameOctets } from '../der/octets.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import type { EncodedExtension } from './extensions.ts';
import type { Issuer } from './issue.ts';

/** Everything that a certificate is to say, decided before it is built. */
export interface Blueprint {
  /** Without sign. */
  readonly serialNumber: Uint8Array;
  /** DER Name. */
  readonly subject: Uint8Array;
  /** DER Name. */
  readonly issuer: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly extensions: readonly EncodedExtension[];
}

/**
 * The second, independent reading of what was built (DESIGN.md): it must say what the blueprint says and nothing else, pass every lint, and verify
 * with the issuer's key. Throws `issued-certificate-refused`, and then nobody gets to see the certificate.
 */
export function releaseOrRefuse(certificate: Certificate, blueprint: Blueprint, issuer: Issuer): void {
  const differing = differences(certificate, blueprint, issuer);
  if (differing.length > 0) throw refused(differing.map(what => `its ${what} is not as ordered`));
  const issuerCertificate = issuer.certificate === 'self' ? certificate : issuer.certificate;
  const findings = lint(certificate, { issuer: issuerCertificate, own: true }).filter(
    finding => finding.level === 'error',
  );
  if (findings.length > 0)
    throw refused(findings.map(({ name, message, source }) => `${name}: ${message} (${source})`));
  const outcome = issuerSignature(certificate, issuerCertificate.subjectPublicKeyInfo);
  if (outcome !== 'valid') throw refused([`its signature is ${outcome}`]);
}

function differences(certificate: Certificate, blueprint: Blueprint, issuer: Issuer): readonly string[] {
  const agreement: Readonly<Record<string, boolean>> = {
    version: certificate.version === 3,
    'serial number': sameOctets(certificate.serialNumber, unsignedIntegerContent(blueprint.serialNumber)),
    'signature algorithm': sameOctets(certificate.signatureAlgorithm.der, issuer.signer.signatureAlgorithm),
    'inner signature algorithm': sameOctets(certificate.tbsSignatureAlgorithm.der, issuer.signer.signatureAlgorithm),
    subject: sameOctets(certificate.subject.der, blueprint.subject),
    issuer: sameOctets(certificate.issuer.der, blueprint.issuer),
    notBefore: certificate.notBefore === blueprint.notBefore,
    notAfter: certificate.notAfter === blueprint.notAfter,
    'public key': sameOctets(certificate.subjectPublicKeyInfo.der, blueprint.publicKey.der),
    'list of extensions': sameExtensions(certificate, blueprint.extensions),
  };
  return Object.keys(agreement).filter(what => agreement[what] === false);
}

function sameExtensions(certificate: Certificate, ordered: readonly EncodedExtension[]): boolean {
  const found = certificate.extensions;
  return (
    found.length === ordered.length &&
    ordered.every(({ oid, critical, value }, index) => {
      const extension = found[index];
      return extension?.oid === oid && extension.critical === critical && sameOctets(extension.value, value);
    })
  );
}

function refused(problems: readonly string[]): MtlsctlError {
  return new MtlsctlError(
    'issued-certificate-refused',
    `the certificate just signed is not released: ${problems.join('; ')}`,
    {
      details: { problems },
    },
  );
}
