import { parseArgs } from 'node:util';
import { requireTool } from '../interop/requirements.ts';
import { compare, specimen } from './compare.ts';
import { explanationOf, report, summarise } from './summary.ts';

/** So many are signed and kept at once. */
const batch = 2000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    count: { type: 'string', default: '2000' },
    case: { type: 'string' },
  },
});
const seed = Number(values.seed);
const first = values.case === undefined ? 0 : Number(values.case);
const end = values.case === undefined ? Number(values.count) : first + 1;
if (![seed, first, end].every(Number.isSafeInteger)) {
  console.error('usage: npm run fuzz -- [--seed <n>] [--count <n> | --case <n>]');
  process.exit(2);
}

const explained = new Map<string, number>();
const totals = { accepted: 0, refused: 0, unexplained: 0 };
for (let start = first; start < end; start += batch) {
  const specimens = Array.from({ length: Math.min(batch, end - start) }, (_, i) => specimen(seed, start + i));
  const comparisons = await compare(requireTool('openssl'), specimens);
  const summary = summarise(comparisons);
  totals.accepted += summary.accepted;
  totals.refused += summary.refused;
  totals.unexplained += summary.unexplained.length;
  for (const [name, times] of summary.explained) explained.set(name, (explained.get(name) ?? 0) + times);
  for (const comparison of values.case === undefined ? summary.unexplained : comparisons)
    console.log(report(comparison));
}

for (const [name, times] of [...explained].toSorted(([, a], [, b]) => b - a)) {
  const { source = '', says = '' } = explanationOf(name) ?? {};
  console.log(`${String(times).padStart(5)}  ${name}: ${says} (${source})`);
}
console.log(
  `seed ${seed}, ${end - first} chains: both accept ${totals.accepted}, both refuse ${totals.refused}, unexplained ${totals.unexplained}`,
);
process.exitCode = totals.unexplained === 0 ? 0 : 1;
