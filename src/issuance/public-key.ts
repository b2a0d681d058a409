import { MtlsctlError } from '../errors.ts';
import { keyTypeNames, keyTypeOf } from '../keys/key-types.ts';
import { describePublicKey, publicKeyFacts, type SubjectPublicKeyInfo } from '../x509/public-key.ts';

/** FIPS 186-5, 5.4 (e): the least public exponent. */
const leastExponent = 65_537n;

/** Throws `policy-refused` for a key that is too weak, or of a type that is not ours; `malformed` for one that does not decode. */
export function checkPublicKey(publicKey: SubjectPublicKeyInfo): void {
  const facts = publicKeyFacts(publicKey);
  if (keyTypeOf(publicKey) === undefined)
    throw refused(`keys of the type ${describePublicKey(publicKey)} are not accepted`);
  if (facts.kind !== 'rsa') return;
  if (facts.pssOnly) throw refused('RSA keys for PSS alone are not accepted');
  const { exponent } = facts;
  if (exponent < leastExponent || exponent % 2n === 0n)
    throw refused(`an RSA key with the public exponent ${exponent.toString()} is not accepted`);
}

function refused(message: string): MtlsctlError {
  return new MtlsctlError('policy-refused', message, {
    hints: [`make a key of one of these types: ${keyTypeNames.join(', ')}`],
  });
}
