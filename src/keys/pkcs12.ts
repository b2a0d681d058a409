import { createCipheriv, hash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { oids } from '../der/object-identifiers.ts';
import { Tag } from '../der/reader.ts';
import {
  concat,
  encode,
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  setOf,
} from '../der/writer.ts';

/** A key with its certificates. */
export interface Pkcs12Content {
  /** DER PrivateKeyInfo. */
  readonly key: Uint8Array;
  /** DER; that of the key first. */
  readonly certificates: readonly Uint8Array[];
  /** What a Java key store calls the entry (its alias). */
  readonly friendlyName: string;
}

/** RFC 7292 and RFC 2985; of no use elsewhere. */
const bagOids = {
  certBag: '1.2.840.113549.1.12.10.1.3',
  encryptedData: '1.2.840.113549.1.7.6',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  x509Certificate: '1.2.840.113549.1.9.22.1',
} as const;

/**
 * What Java writes (10,000), and OpenSSL five times as much of: the file lies beside the same key unencrypted, for the reader's eyes only, and
 * is opened at every start of a service.
 */
const iterations = 10_000;

const pbkdf2Async = promisify(pbkdf2);

/**
 * A PKCS #12 file (RFC 7292): certificates and key encrypted with PBES2 (PBKDF2-HMAC-SHA256, AES-256-CBC), integrity by HMAC-SHA256, which
 * OpenSSL from 1.1 on and Java from 8u301 on read. The same content gives the same octets: salts and initialisation vectors are derived from
 * the key and all that is written, so that they are as unpredictable as the key and differ with anything else. `passphrase` is UTF-8.
 */
export async function encodePkcs12(content: Pkcs12Content, passphrase: Uint8Array): Promise<Uint8Array> {
  const { key, certificates, friendlyName } = content;
  const derive = derivation(content, passphrase);
  const id = hash('sha1', certificates[0] ?? new Uint8Array(), 'buffer');
  const own = [
    attribute(bagOids.friendlyName, bmpString(friendlyName)),
    attribute(bagOids.localKeyId, octetString(id)),
  ];
  const certificateBags = certificates.map((der, index) => certBag(der, index === 0 ? own : []));
  const certificateSafe = await encrypted(sequence(...certificateBags), passphrase, label =>
    derive(`certificates ${label}`),
  );
  const keyInfo = await encrypted(key, passphrase, label => derive(`key ${label}`));
  const keyBag = bag(bagOids.shroudedKeyBag, sequence(keyInfo.algorithm, octetString(keyInfo.octets)), own);
  const authenticatedSafe = sequence(
    contentInfo(bagOids.encryptedData, encryptedData(certificateSafe)),
    contentInfo(oids.pkcs7Data, octetString(sequence(keyBag))),
  );
  return sequence(
    integer(3),
    contentInfo(oids.pkcs7Data, octetString(authenticatedSafe)),
    macData(authenticatedSafe, passphrase, derive('mac')),
  );
}

/** Sixteen octets for each use. */
function derivation(
  { key, certificates, friendlyName }: Pkcs12Content,
  passphrase: Uint8Array,
): (use: string) => Uint8Array {
  const all = concat(...certificates, new TextEncoder().encode(friendlyName), passphrase);
  const secret = createHmac('sha256', key).update(all).digest();
  return use => createHmac('sha256', secret).update(use).digest().subarray(0, 16);
}

interface Encrypted {
  readonly algorithm: Uint8Array;
  readonly octets: Uint8Array;
}

/** RFC 8018, 6.2. */
async function encrypted(
  plain: Uint8Array,
  passphrase: Uint8Array,
  derive: (use: 'iv' | 'salt') => Uint8Array,
): Promise<Encrypted> {
  const [salt, iv] = [derive('salt'), derive('iv')];
  const key = await pbkdf2Async(passphrase, salt, iterations, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const octets = Buffer.concat([cipher.update(plain), cipher.final()]);
  key.fill(0);
  const prf = sequence(oid(oids.hmacWithSha256), nullValue());
  const kdf = sequence(oid(oids.pbkdf2), sequence(octetString(salt), integer(iterations), prf));
  const scheme = sequence(oid(oids.aes256Cbc), octetString(iv));
  return { algorithm: sequence(oid(oids.pbes2), sequence(kdf, scheme)), octets };
}

function contentInfo(type: string, content: Uint8Array): Uint8Array {
  return sequence(oid(type), explicit(0, content));
}

/** RFC 5652, 8. */
function encryptedData({ algorithm, octets }: Encrypted): Uint8Array {
  return sequence(integer(0), sequence(oid(oids.pkcs7Data), algorithm, implicit(0, octets)));
}

function certBag(der: Uint8Array, attributes: readonly Uint8Array[]): Uint8Array {
  const value = sequence(oid(bagOids.x509Certificate), explicit(0, octetString(der)));
  return bag(bagOids.certBag, value, attributes);
}

function bag(type: string, value: Uint8Array, attributes: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(type), explicit(0, value), ...(attributes.length === 0 ? [] : [setOf(...attributes)]));
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setOf(value));
}

function bmpString(text: string): Uint8Array {
  return encode(Tag.bmpString, utf16(text));
}

function utf16(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').swap16();
}

/** RFC 7292, 4. */
function macData(authenticatedSafe: Uint8Array, passphrase: Uint8Array, salt: Uint8Array): Uint8Array {
  const key = macKey(new TextDecoder().decode(passphrase), salt);
  const mac = createHmac('sha256', key).update(authenticatedSafe).digest();
  const digest = sequence(sequence(oid(oids.sha256), nullValue()), octetString(mac));
  return sequence(digest, octetString(salt), integer(iterations));
}

/** In octets. */
const blockLength = 64;

/** RFC 7292, B.2, with SHA-256 and the identifier 3 (a key for a MAC): as long as its output, so that one round is enough. */
function macKey(passphrase: string, salt: Uint8Array): Uint8Array {
  const fill = (octets: Uint8Array): Uint8Array => {
    const length = Math.ceil(octets.length / blockLength) * blockLength;
    return Uint8Array.from({ length }, (_, index) => octets[index % octets.length] ?? 0);
  };
  const identifier = new Uint8Array(blockLength).fill(3);
  let result: Uint8Array = hash('sha256', concat(identifier, fill(salt), fill(utf16(`${passphrase}\0`))), 'buffer');
  for (let round = 1; round < iterations; round += 1) result = hash('sha256', result, 'buffer');
  return result;
}
