import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planLifetime } from '../../src/issuance/lifetime.ts';
import { day, now, year } from './authorities.ts';

const profile = { kind: 'leaf', backdate: 60_000 } as const;
const issuer = (notBefore: number, notAfter: number) => ({ notBefore, notAfter });
const plan = (validity: number, ...issuers: { notBefore: number; notAfter: number }[]) =>
  planLifetime({ profile, validity, now, issuers });

describe('planLifetime', () => {
  it('begins a minute ago and ends after the validity', () => {
    expect(plan(90 * day, issuer(now - year, now + year))).toEqual({
      notBefore: now - 60_000,
      notAfter: now + 90 * day,
      shortened: false,
    });
  });

  it('begins no earlier than the issuer', () => {
    expect(plan(day, issuer(now - 10_000, now + year)).notBefore).toBe(now - 10_000);
    expect(plan(day, issuer(now - year, now + year), issuer(now - 5000, now + year)).notBefore).toBe(now - 5000);
  });

  it('is shortened to end with the issuer, or with whoever above it ends first', () => {
    expect(plan(90 * day, issuer(now - year, now + 30 * day))).toMatchObject({
      notAfter: now + 30 * day,
      shortened: true,
    });
    expect(plan(90 * day, issuer(now - year, now + year), issuer(now - year, now + 20 * day))).toMatchObject({
      notAfter: now + 20 * day,
      shortened: true,
    });
  });

  it('is as asked for where it ends with the issuer to the second', () => {
    expect(plan(90 * day, issuer(now - year, now + 90 * day)).shortened).toBe(false);
  });

  it('is refused to a CA that would end after its issuer, with the longest life that fits', () => {
    const ca = (validity: number, end: number) =>
      planLifetime({
        profile: { kind: 'intermediate', backdate: 60_000 },
        ...{ validity, now, issuers: [issuer(now - year, end)] },
      });
    const refused = (longestValidity?: string) =>
      expect.objectContaining({
        code: 'lifetime-refused',
        details: expect.objectContaining({ ...(longestValidity && { longestValidity }) }) as object,
      }) as Error;
    expect(() => ca(3 * year, now + 2 * year - 1000)).toThrow(refused('1y364d'));
    expect(() => ca(year, now + 47 * 3_600_000 + 1000)).toThrow(refused('1d23h'));
    expect(() => ca(year, now + 119_000)).toThrow(refused());
    expect(ca(year + 364 * day, now + 2 * year - 1000).shortened).toBe(false);
  });

  it('lets a CA end with an issuer that was made for as long within the backdating', () => {
    const profile = { kind: 'intermediate', backdate: 60_000 } as const;
    const ends = (end: number) => planLifetime({ profile, validity: year, now, issuers: [issuer(now - day, end)] });
    expect(ends(now + year - 60_000)).toEqual({
      notBefore: now - 60_000,
      notAfter: now + year - 60_000,
      shortened: true,
    });
    expect(() => ends(now + year - 61_000)).toThrow(expect.objectContaining({ code: 'lifetime-refused' }) as Error);
  });

  it('is refused where less than a tenth is left', () => {
    expect(plan(100 * day, issuer(now - year, now + 10 * day)).notAfter).toBe(now + 10 * day);
    expect(() => plan(100 * day, issuer(now - year, now + 10 * day - 1000))).toThrow(
      expect.objectContaining({ code: 'lifetime-refused' }) as Error,
    );
  });

  it('is refused under an issuer that has ended, or has not begun', () => {
    expect(() => plan(day, issuer(now - year, now - 1000))).toThrow(
      expect.objectContaining({ code: 'expired' }) as Error,
    );
    expect(() => plan(day, issuer(now + 1000, now + year))).toThrow(
      expect.objectContaining({ code: 'lifetime-refused' }) as Error,
    );
  });

  it('ends with the year 9999 at the latest', () => {
    expect(planLifetime({ profile, validity: 9000 * year, now, issuers: [] }).notAfter).toBe(
      Date.UTC(9999, 11, 31, 23, 59, 59),
    );
  });

  it('lies in whole seconds inside the life of every issuer, around now, whatever is asked', () => {
    const instants = fc.record({ before: fc.nat(1e12), after: fc.nat(1e12) });
    fc.assert(
      fc.property(
        fc.nat(999),
        fc.integer({ min: 1000, max: 1e12 }),
        fc.array(instants, { minLength: 1, maxLength: 3 }),
        (ms, validity, lives) => {
          const at = now + ms;
          const issuers = lives.map(({ before, after }) => issuer(now - before * 1000, now + 1000 + after * 1000));
          let life;
          try {
            life = planLifetime({ profile, validity, now: at, issuers });
          } catch (error) {
            expect(error).toMatchObject({ code: 'lifetime-refused' });
            expect(Math.min(...issuers.map(each => each.notAfter)) - at).toBeLessThan(validity / 10);
            return;
          }
          expect(life.notBefore % 1000).toBe(0);
          expect(life.notAfter % 1000).toBe(0);
          expect(life.notBefore).toBeLessThanOrEqual(at);
          expect(life.notAfter).toBeLessThanOrEqual(at + validity);
          for (const each of issuers) {
            expect(life.notBefore).toBeGreaterThanOrEqual(each.notBefore);
            expect(life.notAfter).toBeLessThanOrEqual(each.notAfter);
          }
        },
      ),
    );
  });
});
