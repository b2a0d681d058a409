// npm run bench: each piece of work beside a peer that does the same, both measured in this run. Ends with status 1 where a goal is missed.
// A benchmark is a file that exports { work, peer, goal, measure(directory) → { ours, peer } in milliseconds }; add it to the list. Where there is
// no peer the goal is { seconds, megabytes }, and what is measured { ours, megabytes }.
// Names on the command line (npm run bench -- inspect) pick those whose work contains one of them.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import bulkEnrolment from './bulk-enrolment.mjs';
import crl from './crl.mjs';
import inspectStart from './inspect-start.mjs';
import ledger from './ledger.mjs';
import { time } from './measure.mjs';
import renew from './renew.mjs';
import verifyChain from './verify-chain.mjs';

const benchmarks = [inspectStart, bulkEnrolment, renew, ...verifyChain, ...crl, ...ledger];

const wanted = process.argv.slice(2);
const chosen = benchmarks.filter(({ work }) => wanted.length === 0 || wanted.some(word => work.includes(word)));
if (chosen.length === 0) {
  console.error(`there is no such benchmark; there are: ${benchmarks.map(({ work }) => work).join('; ')}`);
  process.exit(2);
}

const rows = chosen.map(benchmark => {
  const scratch = mkdtempSync(join(tmpdir(), 'mtlsctl-bench-'));
  try {
    return judge(benchmark, benchmark.measure(undisturbed(scratch)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
print(['work', 'ours', 'peer', '', 'ratio', 'goal', ''], rows);
process.exitCode = rows.every(row => row.holds) ? 0 : 1;

/**
 * A directory in it where files are made as fast as on a disk on which nothing was deleted lately. ext4 gives nobody an inode that was freed in the
 * last minutes if there is another, and tries them one by one (recently_deleted() in fs/ext4/ialloc.c): after a run of the tests, or of this, a
 * new file near what was deleted costs half a millisecond, whoever makes it. chattr(1)'s T lets ext4 place each directory in `scratch` somewhere
 * else, by its name; other file systems need none of this.
 */
function undisturbed(scratch) {
  spawnSync('chattr', ['+T', scratch], { stdio: 'ignore' });
  const places = Array.from({ length: 8 }, () => {
    const directory = join(scratch, randomUUID());
    mkdirSync(directory);
    return { directory, needed: time(() => makeFiles(directory)) };
  });
  return places.reduce((best, place) => (place.needed < best.needed ? place : best)).directory;
}

function makeFiles(directory) {
  const paths = Array.from({ length: 50 }, (_, index) => join(directory, String(index)));
  for (const path of paths) writeFileSync(path, '', { flag: 'wx' });
}

/** A goal of its own, in seconds and megabytes, for what no peer does. */
function judgeAlone({ work, goal }, { ours, megabytes }) {
  const holds = ours <= goal.seconds * 1000 && megabytes <= goal.megabytes;
  const wish = `at most ${goal.seconds} s and ${goal.megabytes} MB`;
  return { cells: [work, ms(ours), '', '', `${megabytes.toFixed(0)} MB`, wish, holds ? 'holds' : 'MISSED'], holds };
}

/** A goal is either `atMost` so many times the peer's time (`plus` milliseconds), or at least so many `timesAsFast`. */
function judge(benchmark, times) {
  const { work, peer, goal } = benchmark;
  if (goal.seconds !== undefined) return judgeAlone(benchmark, times);
  const slower = goal.atMost !== undefined;
  const ratio = slower ? times.ours / times.peer : times.peer / times.ours;
  const plus = goal.plus ?? 0;
  const holds = slower ? times.ours <= goal.atMost * times.peer + plus : ratio >= goal.timesAsFast;
  const more = plus === 0 ? '' : ` and ${ms(plus)}`;
  const wish = slower ? `at most ${goal.atMost}× the time${more}` : `at least ${goal.timesAsFast}× as fast`;
  const cells = [work, ms(times.ours), ms(times.peer), peer, `${ratio.toFixed(2)}×`, wish, holds ? 'holds' : 'MISSED'];
  return { cells, holds };
}

function ms(value) {
  return value < 1000 ? `${value.toFixed(1)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function print(head, rows) {
  const table = [head, ...rows.map(row => row.cells)];
  const widths = head.map((_, column) => Math.max(...table.map(cells => cells[column].length)));
  for (const cells of table) {
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  }
}
