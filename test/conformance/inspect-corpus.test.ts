import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { inspect } from '../inspect/command.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';

const archive = fileURLToPath(new URL('../../../shared/conformance/inspect-open.tar.xz', import.meta.url));
const program = fileURLToPath(new URL('../../bin/mtlsctl.js', import.meta.url));
const present = existsSync(archive);
if (!present) console.log("skipped: no malformed files to inspect; they come from OpenSSL's fuzz corpora");

/** Milliseconds after which a process is ended. */
const timeLimit = 2000;
const memoryLimit = 400 * 1024;
const sampleSize = 150;

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u;

describe.skipIf(!present)("the files of OpenSSL's fuzz corpora", () => {
  const directory = sharedTemporaryDirectory();
  let files: readonly string[] = [];
  /** How long each took where all ran in one process; what took longest is looked at once more. */
  const times = new Map<string, number>();

  beforeAll(() => {
    execFileSync('tar', ['-xJf', archive, '-C', directory()]);
    files = readdirSync(directory(), { recursive: true, encoding: 'utf8' })
      .map(name => join(directory(), name))
      .filter(path => statSync(path).isFile())
      .sort();
  });

  it(
    'all end with status 0, or with 3 and an error, and print nothing that is not printable',
    { timeout: 300_000 },
    async () => {
      expect(files.length).toBeGreaterThan(6000);
      const statuses = new Map<number, number>();
      for (const file of files) {
        const begun = performance.now();
        const { status, output, errors } = await inspect([file]);
        times.set(file, performance.now() - begun);
        expect([0, 3], `${file}: ${errors}`).toContain(status);
        expect(errors.startsWith('mtlsctl: error: '), file).toBe(status === 3);
        expect(
          `${output}${errors}`.split('\n').find(line => unprintable.test(line)),
          file,
        ).toBeUndefined();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      // Some of them are well-formed: a reader that refused everything would pass otherwise.
      expect(statuses.get(0)).toBeGreaterThan(40);
    },
  );

  it('end so in processes of their own, without a stack, in time and in little memory', { timeout: 300_000 }, () => {
    const bySize = files.toSorted((a, b) => statSync(b).size - statSync(a).size);
    const step = Math.floor(files.length / sampleSize);
    const byTime = files.toSorted((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
    const sample = new Set([...bySize.slice(0, 10), ...byTime.slice(0, 10), ...files.filter((_, i) => i % step === 0)]);
    for (const file of sample) {
      const { status, stderr } = runMeasured(file);
      expect([0, 3], `${file}: ${stderr}`).toContain(status);
      expect(stderr, file).not.toMatch(/^\s+at /m);
      expect(Number(/^resident (\d+)$/m.exec(stderr)?.[1]), file).toBeLessThan(memoryLimit);
    }
  });
});

/** Runs the built program and has it tell its greatest resident size, in kB, when it ends. */
function runMeasured(file: string): { status: number | null; stderr: string } {
  const tell = "process.on('exit', () => process._rawDebug(`resident ${process.resourceUsage().maxRSS}`))";
  const preload = `data:text/javascript,${encodeURIComponent(tell)}`;
  return spawnSync(process.execPath, ['--import', preload, program, 'inspect', file], {
    encoding: 'utf8',
    timeout: timeLimit,
  });
}
