import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assess, printTables } from './assessment.ts';
import { casesArePresent, parseAnswers, parseCases, requestLines } from './cases.ts';
import { recorded } from './recorded.ts';

const project = join(import.meta.dirname, '../..');

/** `npm run conformance` builds and runs this one. */
test.skipIf(!casesArePresent)('mtlsctl verify-chain --batch answers all cases as recorded', () => {
  if (!existsSync(join(project, 'dist/mtlsctl.cjs'))) throw new Error("dist is not built: run 'npm run build' first");
  const requests = requestLines();
  const run = spawnSync(process.execPath, [join(project, 'bin/mtlsctl.js'), 'verify-chain', '--batch'], {
    input: requests,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(run).toMatchObject({ status: 0, stderr: '' });
  const assessment = assess(parseCases(requests), parseAnswers(run.stdout));
  printTables(assessment);
  expect(assessment.unexplained).toEqual([]);
  expect(assessment.otherReasons).toEqual([]);
  for (const [name, { valid, invalid }] of Object.entries(recorded)) {
    expect(assessment.classes[name]?.valid.right, name).toBeGreaterThanOrEqual(valid);
    expect(assessment.classes[name]?.invalid.right, name).toBeGreaterThanOrEqual(invalid);
  }
});
