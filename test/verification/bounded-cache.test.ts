import { expect, test } from 'vitest';
import { BoundedCache } from '../../src/verification/bounded-cache.ts';

test('remembers what was added', () => {
  const cache = new BoundedCache<number>(10);
  cache.add('a', 1, 5);
  expect([cache.get('a'), cache.get('b')]).toEqual([1, undefined]);
});

test('holds no more than twice its capacity', () => {
  const cache = new BoundedCache<number>(10);
  const names = Array.from({ length: 100 }, (_, i) => String(i));
  for (const name of names) cache.add(name, 0, 1);
  expect(names.filter(name => cache.get(name) !== undefined).length).toBeLessThanOrEqual(20);
});

test('keeps what is asked for again, however much else comes', () => {
  const cache = new BoundedCache<string>(10);
  cache.add('often', 'here', 1);
  for (let i = 0; i < 100; i++) {
    cache.add(String(i), '', 1);
    expect(cache.get('often')).toBe('here');
  }
  expect(cache.get('0')).toBeUndefined();
});

test('does not keep what is heavier than its capacity, nor does that drive out the rest', () => {
  const cache = new BoundedCache<number>(10);
  cache.add('a', 1, 1);
  cache.add('heavy', 2, 11);
  expect([cache.get('a'), cache.get('heavy')]).toEqual([1, undefined]);
});
