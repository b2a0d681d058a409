import { oids } from '../der/object-identifiers.ts';
import { contextConstructed, contextPrimitive, Cursor, readElement, Tag } from '../der/reader.ts';
import { readOctetString, readOid, readSmallInteger, readWholeBitString } from '../der/values.ts';
import { MtlsctlError } from '../errors.ts';
import { readEcKey } from './ec-key.ts';
import { readEdwardsKey } from './edwards-key.ts';
import { keyMalformed, type PrivateKey, type PrivateKeyParts, readingKey, type UsableParts } from './key-parts.ts';
import { type KeyType, keyTypeNames, keyTypeOf } from './key-types.ts';
import { readRsaKey } from './rsa-key.ts';

interface KeyAlgorithm {
  readonly name: string;
  readonly read?: (parts: PrivateKeyParts) => PrivateKey;
}

/** What is in private keys. Those without a reader are named in the refusal. */
const keyAlgorithms: Readonly<Record<string, KeyAlgorithm>> = {
  [oids.rsaEncryption]: { name: 'RSA', read: readRsaKey }, // RFC 8017, appendix A.1
  [oids.ecPublicKey]: { name: 'EC', read: readEcKey }, // RFC 5480, 2.1.1
  [oids.x25519]: { name: 'X25519', read: readEdwardsKey }, // RFC 8410, section 3, and the next three
  [oids.x448]: { name: 'X448', read: readEdwardsKey },
  [oids.ed25519]: { name: 'Ed25519', read: readEdwardsKey },
  [oids.ed448]: { name: 'Ed448', read: readEdwardsKey },
  [oids.rsassaPss]: { name: 'RSA-PSS' },
  '1.2.840.113549.1.3.1': { name: 'DH' },
  [oids.dsa]: { name: 'DSA' },
  [oids.dhPublicNumber]: { name: 'DH' },
  '1.2.156.10197.1.301': { name: 'SM2' },
  '2.16.840.1.101.3.4.3.17': { name: 'ML-DSA-44' },
  '2.16.840.1.101.3.4.3.18': { name: 'ML-DSA-65' },
  '2.16.840.1.101.3.4.3.19': { name: 'ML-DSA-87' },
};

/**
 * Reads a DER PrivateKeyInfo (RFC 5208, section 5) or OneAsymmetricKey (RFC 5958, section 2), checks that its parts agree,
 * and writes it anew: nothing that a stranger encoded goes on to OpenSSL. Throws `key-malformed`, and `key-unsupported` where
 * it is too large to be checked.
 */
export function readPrivateKeyInfo(der: Uint8Array): PrivateKey {
  return readingKey('PKCS#8', () => readPrivateKeyParts(privateKeyInfoParts(der)));
}

/** As `readPrivateKeyInfo`, from parts that another format held. */
export function readPrivateKeyParts(parts: PrivateKeyParts): PrivateKey {
  const known = keyAlgorithms[parts.algorithm];
  return known?.read?.(parts) ?? { label: known?.name ?? parts.algorithm };
}

/** The parts of a key that mtlsctl can sign with. Throws `key-unsupported`, naming what was found. */
export function supportedKey({ label, usable }: PrivateKey): UsableParts & { readonly keyType: KeyType } {
  const keyType = usable && keyTypeOf(usable.publicKey);
  if (usable !== undefined && keyType !== undefined) return { ...usable, keyType };
  throw new MtlsctlError('key-unsupported', `the private key is of a type that mtlsctl does not use: ${label}`, {
    hints: [`key types are ${keyTypeNames.join(', ')}`],
    details: { found: label },
  });
}

function privateKeyInfoParts(der: Uint8Array): PrivateKeyParts {
  const outer = readElement(der, 'PrivateKeyInfo');
  if (outer.tag !== Tag.sequence) throw keyMalformed('not a PKCS#8 PrivateKeyInfo');
  const cursor = new Cursor(outer);
  const version = readSmallInteger(cursor.expect(Tag.integer, 'version'), 1);
  const algorithm = new Cursor(cursor.expect(Tag.sequence, 'privateKeyAlgorithm'));
  const oid = readOid(algorithm.expect(Tag.oid, 'algorithm'));
  const parameters = algorithm.atEnd ? undefined : algorithm.next('parameters');
  algorithm.finish('privateKeyAlgorithm');
  const privateKey = readOctetString(cursor.expect(Tag.octetString, 'privateKey'));
  cursor.optional(contextConstructed(0)); // attributes: nothing that a key needs
  const publicKey = version === 1 ? cursor.optional(contextPrimitive(1)) : undefined;
  cursor.finish('PrivateKeyInfo');
  return { algorithm: oid, parameters, privateKey, publicKey: publicKey && readWholeBitString(publicKey, 'publicKey') };
}
