import type { LedgerEntry } from '../authority/ledger.ts';
import { isMtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, parseCertificate, serialHex } from '../x509/certificate.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { verifySignature } from '../x509/signature.ts';
import type { Finding } from './findings.ts';

/** What a line says of a certificate, and the certificate. */
export interface RecordedCertificate {
  readonly line: number;
  readonly serial: string;
  readonly subject: string;
  /** Undefined where a line has none. */
  readonly names: readonly string[] | undefined;
  readonly notBefore: string;
  readonly notAfter: string;
  /** DER in base64. */
  readonly certificate: string;
}

export function recordedCertificate(
  entry: Extract<LedgerEntry, { readonly event: 'authority-created' | 'issued' }>,
  line: number,
): RecordedCertificate {
  const { serial, subject, notBefore, notAfter, certificate } = entry;
  return { line, serial, subject, notBefore, notAfter, certificate, names: 'names' in entry ? entry.names : undefined };
}

/** Whether a certificate is signed by its issuer, which may be unknown, and is what its line says. */
export function checkCertificate(recorded: RecordedCertificate, issuer: Certificate | undefined): readonly Finding[] {
  const { line, serial } = recorded;
  try {
    const certificate = parseCertificate(Buffer.from(recorded.certificate, 'base64'));
    return [...mismatches(recorded, certificate), ...signatureFindings(certificate, issuer, { line, serial })];
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return [{ code: 'certificate-malformed', line, serial, problem: error.message }];
  }
}

function mismatches(recorded: RecordedCertificate, certificate: Certificate): readonly Finding[] {
  const { line, serial } = recorded;
  const names = recorded.names === undefined ? undefined : (subjectAltName(certificate) ?? []).map(formatGeneralName);
  const members: readonly (readonly [member: string, recorded: string, actual: string])[] = [
    ['serial number', serial, serialHex(certificate.serialNumber)],
    ['subject', recorded.subject, formatName(certificate.subject)],
    ['names', recorded.names?.join(', ') ?? '', names?.join(', ') ?? ''],
    ['notBefore', recorded.notBefore, formatInstant(certificate.notBefore)],
    ['notAfter', recorded.notAfter, formatInstant(certificate.notAfter)],
  ];
  return members.flatMap(([member, said, actual]) =>
    said === actual ? [] : [{ code: 'certificate-mismatch', line, serial, member, recorded: said, actual }],
  );
}

function signatureFindings(
  certificate: Certificate,
  issuer: Certificate | undefined,
  place: { readonly line: number; readonly serial: string },
): readonly Finding[] {
  if (issuer === undefined)
    return [{ code: 'certificate-signature', ...place, outcome: 'unchecked, its issuer is not here' }];
  if (!namesMatch(certificate.issuer, issuer.subject))
    return [{ code: 'certificate-issuer', ...place, issuer: formatName(certificate.issuer) }];
  const outcome = signatureOutcome(certificate, issuer);
  return outcome === 'valid' ? [] : [{ code: 'certificate-signature', ...place, outcome }];
}

export function signatureOutcome(certificate: Certificate, issuer: Certificate): ReturnType<typeof verifySignature> {
  const { signatureAlgorithm, tbs, signature } = certificate;
  return verifySignature(signatureAlgorithm, issuer.subjectPublicKeyInfo, tbs, signature);
}
