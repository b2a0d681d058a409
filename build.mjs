// Builds dist/ (ES modules; heavy packages in chunks of their own, loaded when a command needs them),
// or, with --single, mtlsctl.cjs: one file that runs on a machine without npm or network.
import { chmod, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const single = process.argv.includes('--single');
const { version } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  platform: 'node',
  target: 'node20',
  // The ES modules of a package, where it has them: they can be shaken, and their names survive the import().
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: false,
  legalComments: 'none',
  loader: { '.yaml': 'text', '.tmpl': 'text' },
  define: { MTLSCTL_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

if (single) {
  await build({
    ...common,
    entryPoints: ['src/single.ts'],
    format: 'cjs',
    outfile: 'mtlsctl.cjs',
    banner: { js: '#!/usr/bin/env node' },
  });
  await chmod(new URL('mtlsctl.cjs', import.meta.url), 0o755);
} else {
  await rm(new URL('dist', import.meta.url), { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: { run: 'src/run.ts', thread: 'src/thread.ts' },
    format: 'esm',
    splitting: true,
    outdir: 'dist',
    chunkNames: '[name]-[hash]',
    // Bundled CommonJS packages call require() for Node's own modules.
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  });
}
