// npm run mutate: turns over one condition of the validation after the other, in a copy of the tree, and wants a test to fail each time. Ends with
// status 1 where none did. `npm run mutate -- revocation` tries those whose file or name has the word.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const project = fileURLToPath(new URL('../../', import.meta.url));
process.chdir(project);
// Inside node_modules, so that the bundle finds esbuild.
const directory = mkdtempSync(join(project, 'node_modules', '.mutate-'));
const outfile = join(directory, 'main.mjs');
await build({
  entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outfile,
  logLevel: 'warning',
});
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
await import(pathToFileURL(outfile).href);
