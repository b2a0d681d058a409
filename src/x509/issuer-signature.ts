import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import type { SubjectPublicKeyInfo } from './public-key.ts';
import { type SignatureOutcome, verifySignature } from './signature.ts';

/** A certificate or a CRL. */
export interface Signed {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

const keyTexts = new WeakMap<SubjectPublicKeyInfo, string>();

/** A key as text, for maps: cross-signed certificates of one CA share it. */
export function keyText(publicKey: SubjectPublicKeyInfo): string {
  let text = keyTexts.get(publicKey);
  if (text === undefined) keyTexts.set(publicKey, (text = Buffer.from(publicKey.der).toString('latin1')));
  return text;
}

/** Of one certificate or CRL, which may live as long as a batch and meet ever other keys of its issuer's name. */
const keysRemembered = 256;

/** Weak, so that memory stays flat over a long batch. */
const outcomes = new WeakMap<Signed, Map<string, SignatureOutcome>>();

/**
 * Whether a key signed a certificate or a CRL. Computed once for each pair of object and key: thousands of leaves share their intermediates, what was
 * just issued is looked at more than once, and hashing a large CRL takes long. RFC 5280, 6.1.3 (a) (1) and 6.3.3 (g).
 */
export function issuerSignature(signed: Signed, publicKey: SubjectPublicKeyInfo): SignatureOutcome {
  const known = outcomes.get(signed) ?? new Map<string, SignatureOutcome>();
  outcomes.set(signed, known);
  const key = keyText(publicKey);
  let outcome = known.get(key);
  if (outcome === undefined) {
    outcome = verifySignature(signed.signatureAlgorithm, publicKey, signed.tbs, signed.signature);
    if (known.size >= keysRemembered) known.clear();
    known.set(key, outcome);
  }
  return outcome;
}
