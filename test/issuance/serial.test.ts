import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomSerial } from '../../src/issuance/serial.ts';

describe('randomSerial', () => {
  it('is 16 octets as they come, the first never zero', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { minLength: 1, maxLength: 50 }), draws => {
        const usable = draws.find(octets => octets[0] !== 0);
        fc.pre(usable !== undefined);
        let next = 0;
        const serial = randomSerial(count => {
          expect(count).toBe(16);
          return draws[next++]!;
        });
        expect(serial).toEqual(usable);
      }),
    );
  });

  it('gives up on a source that gives zeros, or too little', () => {
    expect(() => randomSerial(count => new Uint8Array(count))).toThrow(RangeError);
    expect(() => randomSerial(() => Uint8Array.of(1, 2, 3))).toThrow(RangeError);
  });
});
