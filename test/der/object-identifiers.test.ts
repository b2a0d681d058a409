import { expect, test } from 'vitest';
import { oidName, oids } from '../../src/der/object-identifiers.ts';
import { readElement } from '../../src/der/reader.ts';
import { readOid } from '../../src/der/values.ts';
import { oid } from '../../src/der/writer.ts';

test('every known identifier has an encoding that reads back', () => {
  for (const text of Object.values(oids)) expect(readOid(readElement(oid(text)))).toBe(text);
});

test('no identifier has two names', () => {
  const values = Object.values(oids);
  expect(new Set(values).size).toBe(values.length);
});

test('names are those of the RFCs', () => {
  expect(['2.5.4.3', '1.3.6.1.5.5.7.3.1', '1.2.840.10045.2.1', '1.2.840.10045.4.3.2', '1.2.3'].map(oidName)).toEqual([
    'commonName',
    'serverAuth',
    'id-ecPublicKey',
    'ecdsa-with-SHA256',
    undefined,
  ]);
});
