import type { Certificate } from './certificate.ts';
import type { SubjectPublicKeyInfo } from './public-key.ts';
import { type SignatureOutcome, verifySignature } from './signature.ts';

const keyTexts = new WeakMap<SubjectPublicKeyInfo, string>();

/** A key as text, for maps: cross-signed certificates of one CA share it. */
export function keyText(publicKey: SubjectPublicKeyInfo): string {
  let text = keyTexts.get(publicKey);
  if (text === undefined) keyTexts.set(publicKey, (text = Buffer.from(publicKey.der).toString('latin1')));
  return text;
}

/** Of one certificate, which may live as long as a batch and meet ever other keys of its issuer's name. */
const keysRemembered = 256;

/** Weak, so that memory stays flat over a long batch. */
const outcomes = new WeakMap<Certificate, Map<string, SignatureOutcome>>();

/**
 * Whether a key signed a certificate. Computed once for each pair of objects: thousands of leaves share their intermediates, and what was
 * just issued is looked at more than once. RFC 5280, 6.1.3 (a) (1).
 */
export function certificateSignature(certificate: Certificate, publicKey: SubjectPublicKeyInfo): SignatureOutcome {
  const known = outcomes.get(certificate) ?? new Map<string, SignatureOutcome>();
  outcomes.set(certificate, known);
  const key = keyText(publicKey);
  let outcome = known.get(key);
  if (outcome === undefined) {
    outcome = verifySignature(certificate.signatureAlgorithm, publicKey, certificate.tbs, certificate.signature);
    if (known.size >= keysRemembered) known.clear();
    known.set(key, outcome);
  }
  return outcome;
}
