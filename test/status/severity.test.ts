import { describe, expect, it } from 'vitest';
import { alarmOf, worst } from '../../src/status/severity.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('alarmOf', () => {
  it.each([
    [31, 'ok'],
    [30, 'notice'],
    [15.5, 'notice'],
    [15, 'warning'],
    [7, 'error'],
    [1, 'critical'],
    [-5, 'critical'],
  ])('is, %d days before the end of 90 or of 1000 days, %s', (left, severity) => {
    for (const life of [90, 1000]) expect(alarmOf(0, life * day, (life - left) * day)).toBe(severity);
  });

  it.each([
    [24, 'ok'],
    [8.1, 'ok'],
    [8, 'notice'],
    [4, 'warning'],
    [0.2, 'critical'],
  ])('keeps, for what lives a day, its parts: %d hours before the end %s', (left, severity) => {
    expect(alarmOf(0, day, day - left * hour)).toBe(severity);
  });

  it('is critical for what ends before it begins', () => {
    expect(alarmOf(day, 0, 2 * day)).toBe('critical');
  });
});

describe('worst', () => {
  it('is the most pressing, and ok where there is nothing', () => {
    expect(worst(['notice', 'error', 'ok'])).toBe('error');
    expect(worst([])).toBe('ok');
  });
});
