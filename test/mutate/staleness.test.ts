import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sourceMutations } from './mutations.ts';

const root = new URL('../../', import.meta.url);

/** What `npm run mutate` will find to change. It takes minutes and is run by hand; this holds its list to the source. */
test('every condition that is to be turned over stands in its file exactly once', () => {
  const stale = sourceMutations.filter(({ file, find }) => {
    const source = readFileSync(fileURLToPath(new URL(file, root)), 'utf8');
    return source.split(find).length !== 2;
  });
  expect(stale.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
});

test('names every mutation once, and at least 40', () => {
  const names = sourceMutations.map(({ file, name }) => `${file}: ${name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(40);
});
