import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  boolean,
  explicit,
  implicit,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
  setOf,
  time,
} from '../../src/der/writer.ts';
import { MtlsctlError } from '../../src/errors.ts';
import { parseCertificate, readCertificates, serialHex } from '../../src/x509/certificate.ts';
import { findRevoked, parseCrl } from '../../src/x509/crl.ts';
import { checkExtensions, subjectAltName } from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import { formatName, nameKey } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { describePublicKey } from '../../src/x509/public-key.ts';
import { parseRequest } from '../../src/x509/request.ts';
import { crlDer, extension, nameDer, now, publicKey, signed, withExtensions } from './build.ts';

// Any change to good input is read or refused, and the refusal tells an octet inside the input.

const extensions = [
  extension(oids.basicConstraints, sequence(boolean(true), integer(1)), true),
  extension(oids.keyUsage, namedBits(96), true),
  extension(
    oids.subjectAltName,
    sequence(implicit(2, Buffer.from('a.example')), explicit(4, nameDer('x')), implicit(7, new Uint8Array(4))),
  ),
  extension(
    oids.cRLDistributionPoints,
    sequence(sequence(explicit(0, explicit(0, implicit(6, Buffer.from('http://a')))))),
  ),
  extension(oids.certificatePolicies, sequence(sequence(oid(oids.anyPolicy)))),
];
const certificate = withExtensions(...extensions);
const request = signed(
  sequence(
    integer(0),
    nameDer('x'),
    publicKey,
    explicit(0, sequence(oid(oids.extensionRequest), setOf(sequence(...extensions)))),
  ),
);
const crl = crlDer({
  revoked: [
    sequence(
      sequence(integer(5), time(now)),
      sequence(integer(300), time(now), sequence(extension(oids.invalidityDate, octetString(new Uint8Array(3))))),
    ),
  ],
  extensions: [
    explicit(0, sequence(extension(oids.issuingDistributionPoint, sequence(implicit(4, Uint8Array.of(0xff))), true))),
  ],
});

function readCertificateFully(der: Uint8Array): void {
  const read = parseCertificate(der);
  nameKey(read.issuer);
  formatName(read.subject);
  serialHex(read.serialNumber);
  checkExtensions(read);
  subjectAltName(read)?.forEach(formatGeneralName);
  describePublicKey(read.subjectPublicKeyInfo);
}

function readRequestFully(der: Uint8Array): void {
  const read = parseRequest(der);
  formatName(read.subject);
  checkExtensions(read);
}

function readCrlFully(der: Uint8Array): void {
  const read = parseCrl(der);
  for (const entry of read.entries()) checkExtensions(entry);
  for (let i = 0; i < 3; i++) findRevoked(read, Uint8Array.of(5), read.issuer);
  checkExtensions(read);
}

function expectReadOrRefused(read: (der: Uint8Array) => void, der: Uint8Array): void {
  try {
    read(der);
  } catch (error) {
    if (!(error instanceof MtlsctlError)) throw error;
    expect(error.code).toBe('malformed');
    const { offset } = error.details;
    expect(typeof offset === 'number' && offset >= 0 && offset <= der.length).toBe(true);
  }
}

describe.each<[string, (der: Uint8Array) => void, Uint8Array]>([
  ['certificate', readCertificateFully, certificate],
  ['request', readRequestFully, request],
  ['CRL', readCrlFully, crl],
])('a %s', (_, read, der) => {
  test('cut short anywhere is refused', () => {
    for (let length = 0; length < der.length; length++) {
      expectReadOrRefused(read, der.subarray(0, length));
      expect(() => {
        read(der.subarray(0, length));
      }).toThrow(MtlsctlError);
    }
  });

  test('with any octet changed is read or refused', () => {
    for (let position = 0; position < der.length; position++) {
      for (const mask of [0x01, 0x20, 0x80, 0xff]) {
        const changed = Uint8Array.from(der);
        changed[position] = (changed[position] ?? 0) ^ mask;
        expectReadOrRefused(read, changed);
      }
    }
  });

  test('with pieces changed, put in and taken out is read or refused', () => {
    const edit = fc.record({ at: fc.nat(der.length), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), edits => {
        const octets = [...der];
        for (const { at, remove, insert } of edits) octets.splice(at, remove, ...insert);
        expectReadOrRefused(read, Uint8Array.from(octets));
      }),
      { numRuns: 2000 },
    );
  });
});

test('a PEM file with any characters changed is read or refused', () => {
  const text = encodePem('CERTIFICATE', certificate) + encodePem('CERTIFICATE', certificate);
  const edit = fc.record({
    at: fc.nat(text.length),
    remove: fc.nat(3),
    insert: fc.string({ unit: 'binary', maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), edits => {
      const characters = Array.from(text);
      for (const { at, remove, insert } of edits) characters.splice(at, remove, insert);
      try {
        readCertificates(new TextEncoder().encode(characters.join('')));
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed' });
      }
    }),
    { numRuns: 1000 },
  );
});
