import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readServerFlight } from '../../src/peer/server-flight.ts';

const u24 = (n: number): number[] => [n >> 16, (n >> 8) & 255, n & 255];
const message = (type: number, body: readonly number[]): number[] => [type, ...u24(body.length), ...body];
const record = (type: number, payload: readonly number[]): number[] => [
  type,
  3,
  3,
  payload.length >> 8,
  payload.length & 255,
  ...payload,
];

const hello = message(2, [3, 3, ...new Array<number>(32).fill(1), 0, 0xc0, 0x2b, 0, 0, 0]);
const certificate = [0x30, 3, 2, 1, 5];
const entry = [...u24(certificate.length), ...certificate];
const chain = message(11, [...u24(2 * entry.length), ...entry, ...entry]);
const request = message(13, [0, 0, 0, 0]);
const read = (...octets: readonly (readonly number[])[]) => readServerFlight(Uint8Array.from(octets.flat()), undefined);

describe('a flight in the clear', () => {
  it('gives version, certificates and whether one is asked for', () => {
    const flight = read(record(22, hello), record(22, chain), record(22, request));
    expect(flight.protocol).toBe('TLSv1.2');
    expect(flight.certificates).toEqual([Uint8Array.from(certificate), Uint8Array.from(certificate)]);
    expect(flight.certificateRequested).toBe(true);
  });

  it('is the same in one record and in many', () => {
    const all = [...hello, ...chain, ...request];
    const one = read(record(22, all));
    const many = read(...all.map(octet => record(22, [octet])));
    expect(many.certificates).toEqual(one.certificates);
    expect(many.certificateRequested).toBe(true);
  });

  it('ends where encryption begins', () => {
    expect(read(record(22, hello), record(20, [1]), record(22, chain)).certificates).toEqual([]);
  });

  it('ends with an alert, which is told', () => {
    const flight = read(record(22, hello), record(21, [2, 40]), record(22, chain));
    expect([flight.alert, flight.certificates.length]).toEqual([40, 0]);
  });

  it('that is cut off anywhere gives what was whole', () => {
    const all = [...record(22, hello), ...record(22, chain)];
    for (let length = 0; length < all.length; length++) {
      expect(readServerFlight(Uint8Array.from(all.slice(0, length)), undefined).certificates).toEqual([]);
    }
  });
});

it('takes any octets without failing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 32, maxLength: 48 }), (bytes, secret) => {
      const flight = readServerFlight(Uint8Array.from([...record(22, hello), ...bytes]), secret);
      return flight.protocol !== undefined;
    }),
  );
});
