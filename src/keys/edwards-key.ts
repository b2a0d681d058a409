import { createPrivateKey, createPublicKey } from 'node:crypto';
import { oids } from '../der/object-identifiers.ts';
import { readElement, Tag } from '../der/reader.ts';
import { readOctetString } from '../der/values.ts';
import { integer, octetString, oid, sequence } from '../der/writer.ts';
import { sameOctets } from '../der/octets.ts';
import { parseSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { keyMalformed, type PrivateKey, type PrivateKeyParts } from './key-parts.ts';

/** The curves of RFC 7748 and RFC 8032; of these mtlsctl signs with Ed25519. */
const edwardsCurves: Readonly<Record<string, { readonly label: string; readonly octets: number }>> = {
  [oids.x25519]: { label: 'X25519', octets: 32 },
  [oids.x448]: { label: 'X448', octets: 56 },
  [oids.ed25519]: { label: 'Ed25519', octets: 32 },
  [oids.ed448]: { label: 'Ed448', octets: 57 },
};

/** Reads the parts of a key of RFC 8410, section 7. Throws `key-malformed`. */
export function readEdwardsKey({ algorithm, parameters, privateKey, publicKey }: PrivateKeyParts): PrivateKey {
  const curve = edwardsCurves[algorithm];
  if (curve === undefined) return { label: algorithm };
  if (parameters !== undefined) throw keyMalformed(`an ${curve.label} key with parameters`); // RFC 8410, section 3
  const element = readElement(privateKey, 'CurvePrivateKey');
  if (element.tag !== Tag.octetString) throw keyMalformed('its CurvePrivateKey is not an OCTET STRING');
  const seed = readOctetString(element);
  if (seed.length !== curve.octets)
    throw keyMalformed(`an ${curve.label} key of another length than ${curve.octets} octets`);
  const pkcs8 = sequence(integer(0), sequence(oid(algorithm)), octetString(octetString(seed)));
  const derived = derivePublicKey(pkcs8);
  if (publicKey !== undefined && !sameOctets(publicKey, derived.subjectPublicKey)) {
    throw keyMalformed('its public key belongs to another private key');
  }
  return { label: curve.label, usable: { pkcs8, publicKey: derived } };
}

/** Every string of the right length is a private key of these curves, so what was just written can't be refused. */
function derivePublicKey(pkcs8: Uint8Array): SubjectPublicKeyInfo {
  const key = createPublicKey(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
  return parseSubjectPublicKeyInfo(new Uint8Array(key.export({ format: 'der', type: 'spki' })));
}
