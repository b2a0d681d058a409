import type { Certificate } from '../x509/certificate.ts';
import { certificateSignature, keyText } from '../x509/certificate-signature.ts';
import type { SignatureOutcome } from '../x509/signature.ts';
import type { Run } from './run.ts';

/**
 * Whether the issuer's key signed the certificate. Each pair is paid for once in a verification, whether or not an earlier one has found out, so
 * that a verdict does not depend on what was verified before. Undefined when the budget is gone. RFC 5280, 6.1.3 (a) (1).
 */
export function issuerSignature(run: Run, certificate: Certificate, issuer: Certificate): SignatureOutcome | undefined {
  const key = keyText(issuer.subjectPublicKeyInfo);
  const paid = run.seen.signatures.get(certificate) ?? new Map<string, SignatureOutcome>();
  run.seen.signatures.set(certificate, paid);
  const known = paid.get(key);
  if (known !== undefined) return known;
  if (!run.budget.spend('signatures')) return undefined;
  const outcome = certificateSignature(certificate, issuer.subjectPublicKeyInfo);
  paid.set(key, outcome);
  return outcome;
}
