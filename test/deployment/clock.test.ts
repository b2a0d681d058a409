import { describe, expect, it } from 'vitest';
import { type Evidence, explainClock, explainClockStep, judgeClock } from '../../src/deployment/clock.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 10, 22, 14, 5, 1);
const evidence = (at: number, changes: Partial<Evidence> = {}): Evidence => ({
  ...{ what: "the certificate of 'one'", at, until: at + 90 * day, isForeign: false },
  ...changes,
});

describe('judgeClock', () => {
  it.each<[string, readonly Evidence[], number]>([
    ['nothing is known', [], now],
    ['all is of the past', [evidence(now - day), evidence(now - 2 * day)], now],
    ['the newest is a moment ahead', [evidence(now + 60_000)], now],
    ['something from elsewhere is ahead', [evidence(now + day, { isForeign: true })], now],
    ['the machine was off for months', [evidence(now - 300 * day)], now],
    ['something long-lived is old', [evidence(now - 700 * day, { until: now + day })], now],
  ])('finds nothing where %s', (_what, all, at) => {
    expect(judgeClock(all, at)).toBeUndefined();
  });

  it('finds it behind the newest thing that was made here', () => {
    const trouble = judgeClock([evidence(now), evidence(now - 5 * day)], now - 10 * day);
    expect(trouble).toEqual({ kind: 'behind', newest: now, what: "the certificate of 'one'" });
    expect(trouble && explainClock(trouble, now - 10 * day)).toBe(
      "the clock says 2026-11-12T14:05:01Z, and the certificate of 'one' was made 10d later, at 2026-11-22T14:05:01Z",
    );
  });

  it('finds it far ahead of everything, or the machine to have been off', () => {
    const trouble = judgeClock(
      [evidence(now), evidence(now + day, { what: 'the CRL', isForeign: true })],
      now + 400 * day,
    );
    expect(trouble).toMatchObject({ kind: 'ahead', what: 'the CRL' });
    expect(trouble && explainClock(trouble, now + 400 * day)).toMatch(
      /either this machine was off so long, or its clock is wrong$/,
    );
  });

  it('says which way a clock was set', () => {
    expect(explainClockStep(-3_600_000, now)).toBe('the clock was set back by 1h, to 2026-11-22T14:05:01Z');
    expect(explainClockStep(day, now)).toContain('went forward by 1d');
  });
});
