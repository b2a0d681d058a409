import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeValidity, span, stateAt } from '../../src/status/validity.ts';

describe('span', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3_661, '1 h 1 min'],
    [3_605, '1 h'],
    [86_400, '1 d'],
    [90_000, '1 d 1 h'],
    [12 * 86_400 + 3_600, '12 d'],
    [-90_000, '1 d 1 h'],
  ])('%i seconds are %s', (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });

  it('never says more than two units', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e12 }), seconds => span(seconds).split(' ').length <= 4));
  });
});

describe('the state at an instant', () => {
  it.each([
    [999, 'not yet valid'],
    [1000, 'valid'],
    [2000, 'valid'],
    [2001, 'expired'],
  ])('at %i of 1000 to 2000 is %s', (now, state) => {
    expect(stateAt(1000, 2000, now)).toBe(state);
  });

  it('has no end where there is none', () => {
    expect(describeValidity(1000, undefined, 5000)).toEqual({ state: 'valid', remainingSeconds: undefined });
  });

  it('counts seconds past the end as negative', () => {
    expect(describeValidity(0, 1000, 3500)).toEqual({ state: 'expired', remainingSeconds: -3 });
  });
});
