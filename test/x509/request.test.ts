import { expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  encode,
  ia5String,
  implicitConstructed,
  integer,
  nullValue,
  oid,
  sequence,
  setOf,
  utf8String,
} from '../../src/der/writer.ts';
import { subjectAltName } from '../../src/x509/extensions.ts';
import { formatName } from '../../src/x509/name.ts';
import { parseRequest } from '../../src/x509/request.ts';
import { expectMalformed } from '../der/refuses.ts';
import { extension, nameDer, publicKey, signed } from './build.ts';

const attribute = (type: string, ...values: Uint8Array[]): Uint8Array => sequence(oid(type), setOf(...values));
const san = extension(oids.subjectAltName, sequence(encode(0x82, Buffer.from('a.example'))));
const request = (attributes: readonly Uint8Array[], version = integer(0)): Uint8Array =>
  signed(sequence(version, nameDer('x'), publicKey, encode(0xa0, setOf(...attributes).subarray(2))));

test('reads subject, key, attributes and the extensions asked for', () => {
  const challenge = attribute(oids.challengePassword, utf8String('secret'));
  const read = parseRequest(request([attribute(oids.extensionRequest, sequence(san)), challenge]));
  expect(formatName(read.subject)).toBe('CN=x');
  expect(read.subjectPublicKeyInfo.der).toEqual(publicKey);
  expect(read.attributes.map(a => a.type)).toEqual([oids.challengePassword, oids.extensionRequest]);
  expect(read.attributes[0]?.values).toEqual([utf8String('secret')]);
  expect(subjectAltName(read)).toEqual([{ kind: 'dns', value: 'a.example' }]);
  expect(signed(read.tbs)).toEqual(read.der);
});

test('reads a request without attributes', () => {
  expect(parseRequest(request([]))).toMatchObject({ attributes: [], extensions: [] });
});

test.each<[string, Uint8Array, RegExp]>([
  ['version 1', request([], integer(1)), /INTEGER is over 0/],
  ['no attributes at all', signed(sequence(integer(0), nameDer('x'), publicKey)), /attributes: is missing/],
  ['an attribute twice', request([attribute('1.2.3', nullValue()), attribute('1.2.3', integer(1))]), /1\.2\.3 twice/],
  ['an attribute without value', request([attribute('1.2.3')]), /attribute values: empty/],
  ['an attribute without SET', request([sequence(oid('1.2.3'))]), /attribute values: is missing/],
  [
    'attributes out of order',
    signed(
      sequence(
        integer(0),
        nameDer('x'),
        publicKey,
        implicitConstructed(0, attribute('1.3', nullValue()), attribute('1.2', nullValue())),
      ),
    ),
    /attributes: SET OF is not in order/,
  ],
  [
    'values out of order',
    request([sequence(oid('1.2.3'), encode(0x31, integer(2), integer(1)))]),
    /attribute values: SET OF is not in order/,
  ],
  ['a value with a broken inside', request([attribute('1.2.3', encode(0x30, Uint8Array.of(4, 9)))]), /reaches past/],
  [
    'two lists of extensions',
    request([attribute(oids.extensionRequest, sequence(san), sequence(san, extension('1.2', ia5String('a'))))]),
    /more than one value/,
  ],
  ['an extension twice', request([attribute(oids.extensionRequest, sequence(san, san))]), /2\.5\.29\.17 twice/],
  ['an empty list of extensions', request([attribute(oids.extensionRequest, sequence())]), /extensionRequest: empty/],
  [
    'something after the attributes',
    signed(sequence(integer(0), nameDer('x'), publicKey, implicitConstructed(0), nullValue())),
    /unexpected NULL/,
  ],
])('refuses %s', (_, der, message) => {
  expectMalformed(() => parseRequest(der), message);
});
