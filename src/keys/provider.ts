import { Cursor, readElement, Tag, elementBytes } from '../der/reader.ts';
import { readOid } from '../der/values.ts';
import type { Signer } from './signer.ts';
import { loadWebCrypto, type WebCrypto, type WebKey, type WebSubtle } from './web-crypto.ts';

/**
 * An algorithm named by its OID. @peculiar/x509 writes such a name into the AlgorithmIdentifier with the parameters given,
 * and takes the signature as it comes; named `ECDSA` it would expect the two numbers raw and encode them itself.
 */
export interface SignatureAlgorithmByOid {
  readonly name: string;
  /** DER; absent where the AlgorithmIdentifier has none. */
  readonly parameters?: ArrayBuffer;
}

/** What the generators of @peculiar/x509 need to sign with a Signer. */
export interface IssuingCrypto {
  /** The generators' last argument. */
  readonly crypto: WebCrypto;
  /** `signingKey`, or `keys.privateKey` of a request. A stand-in without key material. */
  readonly signingKey: WebKey;
  /** `keys.publicKey` of a request. A certificate's `publicKey` is given as the DER of a SubjectPublicKeyInfo instead. */
  readonly publicKey: WebKey;
  /** `signingAlgorithm`; never left out, since the default is SHA-256 whatever the key. */
  readonly signingAlgorithm: SignatureAlgorithmByOid;
}

/**
 * Makes a Web Crypto through which @peculiar/x509 signs by calling `signer.sign`, wherever that signer's key is.
 * Digests and the rest are those of @peculiar/webcrypto. It has no randomness: a serial number must be given.
 */
export async function cryptoFor(signer: Signer): Promise<IssuingCrypto> {
  const signingAlgorithm = algorithmByOid(signer.signatureAlgorithm);
  const signingKey = standIn('private', signingAlgorithm);
  const publicKey = standIn('public', signingAlgorithm);
  const { subtle } = await loadWebCrypto();
  return {
    crypto: { subtle: signingSubtle(subtle, signer, signingKey, publicKey) },
    signingKey,
    publicKey,
    signingAlgorithm,
  };
}

function signingSubtle(subtle: WebSubtle, signer: Signer, signingKey: WebKey, publicKey: WebKey): WebSubtle {
  return {
    generateKey: subtle.generateKey.bind(subtle),
    importKey: subtle.importKey.bind(subtle),
    digest: subtle.digest.bind(subtle),
    verify: subtle.verify.bind(subtle),
    async sign(algorithm, key, data) {
      if (key !== signingKey) return subtle.sign(algorithm, key, data);
      return toArrayBuffer(await signer.sign(new Uint8Array(data)));
    },
    async exportKey(format, key) {
      if (key !== publicKey) return subtle.exportKey(format, key);
      return toArrayBuffer(signer.publicKey.der);
    },
  };
}

function standIn(type: 'private' | 'public', algorithm: SignatureAlgorithmByOid): WebKey {
  return Object.freeze({
    type,
    algorithm,
    extractable: type === 'public',
    usages: [type === 'private' ? 'sign' : 'verify'],
  });
}

function algorithmByOid(der: Uint8Array): SignatureAlgorithmByOid {
  const cursor = new Cursor(readElement(der, 'AlgorithmIdentifier'));
  const name = readOid(cursor.expect(Tag.oid, 'algorithm'));
  if (cursor.atEnd) return { name };
  return { name, parameters: toArrayBuffer(elementBytes(cursor.next('parameters'))) };
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
