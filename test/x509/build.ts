import { oids } from '../../src/der/object-identifiers.ts';
import {
  bitString,
  boolean,
  explicit,
  integer,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/der/writer.ts';

// Structures that are right by default, with parts to put in the place of any. Their signatures are no signatures.

type Parts = readonly Uint8Array[];

export const algorithm = sequence(oid(oids.ecdsaWithSha256));
export const now = Date.parse('2026-11-22T14:05:01Z');

export function nameDer(commonName: string): Uint8Array {
  return sequence(setOf(sequence(oid(oids.commonName), utf8String(commonName))));
}

export const publicKey = sequence(
  sequence(oid(oids.ecPublicKey), oid(oids.secp256r1)),
  bitString(Uint8Array.from([4, ...new Uint8Array(64).fill(7)])),
);

export function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

const defaults = {
  version: [explicit(0, integer(2))] as Parts,
  serialNumber: [integer(0x1234)] as Parts,
  signature: [algorithm] as Parts,
  issuer: [nameDer('issuer')] as Parts,
  validity: [sequence(time(now), time(now + 1000))] as Parts,
  subject: [nameDer('subject')] as Parts,
  publicKey: [publicKey] as Parts,
  uniqueIds: [] as Parts,
  extensions: [] as Parts,
  after: [] as Parts,
};

export function certificateDer(parts: Partial<typeof defaults> = {}): Uint8Array {
  const all = { ...defaults, ...parts };
  return signed(sequence(...Object.values(all).flat()));
}

/** A certificate with just these extensions. */
export function withExtensions(...extensions: Parts): Uint8Array {
  return certificateDer({ extensions: [explicit(3, sequence(...extensions))] });
}

const crlDefaults = {
  version: [integer(1)] as Parts,
  signature: [algorithm] as Parts,
  issuer: [nameDer('issuer')] as Parts,
  thisUpdate: [time(now)] as Parts,
  nextUpdate: [time(now + 1000)] as Parts,
  revoked: [] as Parts,
  extensions: [] as Parts,
  after: [] as Parts,
};

export function crlDer(parts: Partial<typeof crlDefaults> = {}): Uint8Array {
  return signed(sequence(...Object.values({ ...crlDefaults, ...parts }).flat()));
}

export function signed(tbs: Uint8Array): Uint8Array {
  return sequence(tbs, algorithm, bitString(Uint8Array.of(1, 2, 3)));
}
