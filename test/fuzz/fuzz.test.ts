import { beforeAll, describe, expect, test } from 'vitest';
import { requireTool } from '../interop/requirements.ts';
import { compare, specimen, type Comparison } from './compare.ts';
import { mutations } from './mutations/catalogue.ts';
import { report, summarise, tableNames, type Summary } from './summary.ts';

/** With this seed every explanation is needed; another is tried by hand: npm run fuzz -- --seed 2 --count 10000. */
const seed = 6;
const count = 2000;

describe('2,000 chains, mutated in one thing each, before mtlsctl and openssl verify', () => {
  let comparisons: readonly Comparison[];
  let summary: Summary;

  beforeAll(async () => {
    const specimens = Array.from({ length: count }, (_, index) => specimen(seed, index));
    comparisons = await compare(requireTool('openssl'), specimens);
    summary = summarise(comparisons);
  }, 300_000);

  test('leave no difference unexplained', () => {
    expect(summary.unexplained.map(report)).toEqual([]);
  });

  test('need every explanation', () => {
    expect(tableNames.filter(name => !summary.explained.has(name))).toEqual([]);
  });

  test('are refused by both and accepted by both often enough to tell', () => {
    expect(summary.accepted).toBeGreaterThan(count / 4);
    expect(summary.refused).toBeGreaterThan(count / 4);
  });

  test('try every mutation', () => {
    const tried = new Set(comparisons.map(({ mutation }) => mutation));
    expect(Object.keys(mutations).filter(name => !tried.has(name))).toEqual([]);
  });

  test('are accepted by mtlsctl where nothing was changed', () => {
    const untouched = comparisons.filter(({ mutation }) => mutation === 'nothing at all');
    expect(untouched.filter(({ verdict }) => !verdict.valid).map(report)).toEqual([]);
    expect(untouched.length).toBeGreaterThan(0);
  });
});
