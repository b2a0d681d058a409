import { oids } from '../der/object-identifiers.ts';
import { bitString, nullValue, oid, sequence } from '../der/writer.ts';
import { describePrivateKey, describePrivateKeyBlock } from '../keys/private-key.ts';
import { parseCrl } from '../x509/crl.ts';
import { describeCrl, describePublicKeyInfo, describeRequest, type Facts } from '../x509/describe.ts';
import { encodePem } from '../x509/pem.ts';
import { parseSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { parseRequest } from '../x509/request.ts';
import type { Item, View } from './contents.ts';
import type { Part } from './recognise.ts';
import { describeValidity } from '../status/validity.ts';

/** Throws `malformed`. */
export function readRequest(der: Uint8Array): Item {
  const request = parseRequest(der);
  return { facts: describeRequest(request), error: undefined, pem: encodePem('CERTIFICATE REQUEST', request.der) };
}

/** Throws `malformed`. */
export function readCrl(der: Uint8Array, view: View): Item {
  const crl = parseCrl(der);
  const facts = { ...describeCrl(crl, view.entries), ...describeValidity(crl.thisUpdate, crl.nextUpdate, view.now) };
  return { facts, error: undefined, pem: encodePem('X509 CRL', crl.der) };
}

/** Throws `malformed`. */
export function readPublicKey(der: Uint8Array): Item {
  return publicKeyItem(parseSubjectPublicKeyInfo(der), {});
}

/** RFC 8017, A.1.1: a key without the algorithm around it. Throws `malformed`. */
export function readRsaPublicKey(der: Uint8Array): Item {
  const algorithm = sequence(oid(oids.rsaEncryption), nullValue());
  return publicKeyItem(parseSubjectPublicKeyInfo(sequence(algorithm, bitString(der))), {});
}

/**
 * The public part of a private key, or how it is encrypted. Nothing else of it is ever shown, in PEM neither.
 * Throws `key-malformed`.
 */
export async function readPrivateKey({ der, block, labelled, kind }: Part): Promise<Item> {
  const key =
    block === undefined || labelled !== kind ? await describePrivateKey(der) : await describePrivateKeyBlock(block);
  const { encrypted, format, encryption } = key.file;
  const facts: Facts = { format, encrypted, encryption: encryption && { ...encryption }, type: key.algorithm };
  return key.publicKey === undefined
    ? { facts, error: undefined, pem: undefined }
    : publicKeyItem(key.publicKey, facts);
}

function publicKeyItem(publicKey: SubjectPublicKeyInfo, facts: Facts): Item {
  return {
    facts: { ...facts, subjectPublicKeyInfo: describePublicKeyInfo(publicKey) },
    error: undefined,
    pem: encodePem('PUBLIC KEY', publicKey.der),
  };
}
