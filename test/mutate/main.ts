import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { sourceMutations, type SourceMutation } from './mutations.ts';

/** What the tests of the validator need; the rest of the tree stays where it is. */
const copied = [
  'src',
  'templates',
  'test/path',
  'test/x509/signature.test.ts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

const project = process.cwd();
const wanted = process.argv.slice(2).map(word => word.toLowerCase());
const chosen = sourceMutations.filter(
  ({ file, name }) => wanted.length === 0 || wanted.some(word => `${file}: ${name}`.toLowerCase().includes(word)),
);
const survivors: string[] = [];
const queue = [...chosen];
const trees = mkdtempSync(join(tmpdir(), 'mtlsctl-mutate-'));
process.on('exit', () => {
  rmSync(trees, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const started = performance.now();
const jobs = Math.min(2, availableParallelism());
await Promise.all(Array.from({ length: jobs }, (_, job) => work(copyOfTree(String(job)))));
const seconds = Math.round((performance.now() - started) / 1000);
console.log(`${chosen.length} mutations in ${seconds} s, ${survivors.length} survived`);
for (const survivor of survivors) console.log(`  survived: ${survivor}`);
process.exitCode = survivors.length === 0 && chosen.length > 0 ? 0 : 1;

function copyOfTree(name: string): string {
  const tree = join(trees, name);
  mkdirSync(tree);
  for (const path of copied) cpSync(join(project, path), join(tree, path), { recursive: true });
  symlinkSync(join(project, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

async function work(tree: string): Promise<void> {
  // Without this a tree whose tests fail anyway would kill every mutant.
  if (await testsFail(tree)) throw new Error('the tests fail before anything is changed');
  for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
    const label = `${mutation.file}: ${mutation.name}`;
    const killed = await isKilled(tree, mutation);
    console.log(`${killed ? 'killed  ' : 'SURVIVED'} ${label}`);
    if (!killed) survivors.push(label);
  }
}

async function isKilled(tree: string, { name, file, find, replace }: SourceMutation): Promise<boolean> {
  const path = join(tree, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file}: '${name}' does not stand there exactly once any more`);
  const changed = source.replace(find, () => replace);
  await transform(changed, { loader: 'ts' }); // a mutant that is no program would be killed by anything
  writeFileSync(path, changed);
  try {
    return await testsFail(tree);
  } finally {
    writeFileSync(path, source);
  }
}

/** A mutant that never ends is a failure, too. */
const patience = 60_000;

function testsFail(tree: string): Promise<boolean> {
  const options = ['run', '--bail', '1', '--pool', 'threads', '--no-isolate', '--maxWorkers', '1', '--reporter', 'dot'];
  return new Promise((resolve, reject) => {
    const vitest = spawn(process.execPath, [join(project, 'node_modules/vitest/vitest.mjs'), ...options], {
      cwd: tree,
      stdio: 'ignore',
      timeout: patience,
      killSignal: 'SIGKILL',
    });
    vitest.on('error', reject);
    vitest.on('close', status => {
      resolve(status !== 0);
    });
  });
}
