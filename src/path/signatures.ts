import { issuerSignature, keyText, type Signed } from '../x509/issuer-signature.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import type { SignatureOutcome } from '../x509/signature.ts';
import type { Run } from './run.ts';

/**
 * Whether a key signed a certificate or a CRL. Each pair is paid for once in a verification, whether or not an earlier one has found out, so
 * that a verdict does not depend on what was verified before. Undefined when the budget is gone.
 */
export function paidSignature(run: Run, signed: Signed, publicKey: SubjectPublicKeyInfo): SignatureOutcome | undefined {
  const key = keyText(publicKey);
  const paid = run.seen.signatures.get(signed) ?? new Map<string, SignatureOutcome>();
  run.seen.signatures.set(signed, paid);
  const known = paid.get(key);
  if (known !== undefined) return known;
  if (!run.budget.spend('signatures')) return undefined;
  const outcome = issuerSignature(signed, publicKey);
  paid.set(key, outcome);
  return outcome;
}
