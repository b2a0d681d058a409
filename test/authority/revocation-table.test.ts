import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listOf, type Revocation, RevocationTable } from '../../src/authority/revocation-table.ts';
import { serialFromHex } from '../../src/x509/certificate.ts';

const revocation = (serial: string, changes: Partial<Revocation> = {}): Revocation => ({
  ...{ serial, date: 1000, reason: 1, notAfter: 2000, invalidityDate: undefined, seq: 7 },
  ...changes,
});

const octets = fc.uint8Array({ minLength: 1, maxLength: 20 });
const serials = octets.map(bytes => {
  const hex = Buffer.from(bytes)
    .toString('hex')
    .replace(/^(?:00)+(?=..)/, '');
  return hex;
});

describe('RevocationTable', () => {
  it('holds what a Map would hold, through any changes', () => {
    const step = fc.record({
      serial: fc.oneof(serials, fc.constantFrom('0a', '0b', '80', 'ff')),
      what: fc.constantFrom('set', 'set', 'delete'),
      seq: fc.nat(),
      invalidityDate: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), steps => {
        const table = new RevocationTable();
        const model = new Map<string, Revocation>();
        for (const { serial, what, seq, invalidityDate } of steps) {
          const each = revocation(serial, { seq, invalidityDate });
          if (what === 'set') table.set(each);
          else table.delete(serial);
          if (what === 'set') model.set(serial, each);
          else model.delete(serial);
        }
        for (const { serial } of steps) expect(table.get(serial)).toEqual(model.get(serial));
        const order = [...model.values()].sort(
          (a, b) => a.serial.length - b.serial.length || (a.serial < b.serial ? -1 : 1),
        );
        const listed = table.listed(() => true);
        expect(listed.count).toBe(model.size);
        expect([...listed.revocations()]).toEqual(order);
        expect([
          ...table
            .copy()
            .listed(() => true)
            .revocations(),
        ]).toEqual(order);
      }),
    );
  });

  it('gives the writer the octets of each serial number', () => {
    fc.assert(
      fc.property(fc.uniqueArray(serials, { maxLength: 50 }), all => {
        const listed = listOf(all.map(serial => revocation(serial)));
        const written = [...listed.revocations()].map(({ serial }) => serialFromHex(serial));
        const given: Uint8Array[] = [];
        for (const { serialNumber } of listed.writerEntries()) given.push(serialNumber.slice());
        expect(given).toEqual(written);
      }),
    );
  });

  it('sorts many, and many of one beginning', () => {
    const many = Array.from({ length: 3000 }, (_, i) => `abcd${((i * 7919) % 3000).toString(16).padStart(8, '0')}`);
    const sorted = [...listOf(many.map(serial => revocation(serial))).revocations()].map(({ serial }) => serial);
    expect(sorted).toEqual([...many].sort());
  });

  it('leaves out what is not wanted', () => {
    const table = new RevocationTable();
    for (const [i, serial] of ['0a', '0b', '0c'].entries())
      table.set(revocation(serial, { seq: i, notAfter: 100 - i }));
    const serialsOf = (isWanted: (seq: number, notAfter: number) => boolean): readonly string[] =>
      [...table.listed(isWanted).revocations()].map(({ serial }) => serial);
    expect(serialsOf(seq => seq > 0)).toEqual(['0b', '0c']);
    expect(serialsOf((_, notAfter) => notAfter > 98)).toEqual(['0a', '0b']);
  });
});
