// Builds dist/: the program as one light CommonJS file with V8's code cache beside it, and each heavy package in a file of its own that is
// loaded when a command needs it. With --single: mtlsctl.cjs, one file with everything in it, for a machine without npm or network.
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

/**
 * Reading, checking and verifying must start about as fast as Node itself: none of these is needed for it. Each with what we import of it:
 * its default export or its names.
 */
const heavy = {
  '@peculiar/webcrypto': 'names',
  '@peculiar/x509': 'names',
  chalk: 'default',
  'cli-table3': 'default',
  inquirer: 'default',
  'reflect-metadata': 'names',
  yaml: 'names',
};

/** Of a module of ours that only gathers what is needed of heavy packages: in a file of its own just as they are. */
const heavyModules = { './certificate-schema.ts': 'src/issuance/certificate-schema.ts' };

const vendorFile = name => `vendor-${name.replace(/\.ts$/, '').replace(/\W+/g, '-').replace(/^-/, '')}.cjs`;

/** Heavy packages stay outside; dist/ has them under another name. */
const vendored = {
  name: 'vendored',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) =>
      path in heavy ? { path: `./${vendorFile(path)}`, external: true } : undefined,
    );
    onResolve({ filter: /^\.\// }, ({ path }) =>
      path in heavyModules ? { path: `./${vendorFile(path)}`, external: true } : undefined,
    );
  },
};

/** Commander wants node:child_process for subcommands that are programs of their own; ours are not, and it takes 3 ms to load. */
const withoutChildProcess = {
  name: 'without-child-process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path: 'child_process', namespace: 'absent' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {}' }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  // The ES modules of a package, where it has them: they can be shaken, and their names survive the import().
  mainFields: ['module', 'main'],
  minify: !process.env.NOMIN,
  legalComments: 'none',
  loader: { '.yaml': 'text', '.tmpl': 'text' },
  define: { MTLSCTL_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

if (process.argv.includes('--single')) await buildSingle();
else await buildDist();

async function buildSingle() {
  const outfile = join(root, 'mtlsctl.cjs');
  const banner = { js: '#!/usr/bin/env node' };
  await build({ ...common, entryPoints: ['src/single.ts'], outfile, banner, plugins: [withoutChildProcess] });
  await chmod(outfile, 0o755);
}

async function buildDist() {
  await rm(dist, { recursive: true, force: true });
  await Promise.all([
    build({
      ...common,
      entryPoints: ['src/program.ts'],
      outfile: join(dist, 'mtlsctl.cjs'),
      // import() of a file beside becomes require(), which a script from the code cache has.
      supported: { 'dynamic-import': false },
      plugins: [vendored, withoutChildProcess],
    }),
    ...Object.keys(heavy).map(name =>
      build({ ...common, stdin: entryFor(name), outfile: join(dist, vendorFile(name)) }),
    ),
    ...Object.entries(heavyModules).map(([name, source]) =>
      build({ ...common, entryPoints: [source], outfile: join(dist, vendorFile(name)) }),
    ),
  ]);
  await writeFile(join(dist, 'thread.cjs'), "void require('../bin/mtlsctl.js').program.runWorker();\n");
  await writeCodeCache();
}

/** module.exports is what import() of the file gives as the default export, and its properties as the names. */
function entryFor(name) {
  const what = heavy[name] === 'default' ? 'all' : '* as all';
  return { contents: `import ${what} from ${JSON.stringify(name)}; module.exports = all;`, resolveDir: root };
}

/** Runs a common command and keeps what V8 compiled on the way (see bin/mtlsctl.js). */
async function writeCodeCache() {
  const directory = await mkdtemp(join(tmpdir(), 'mtlsctl-build-'));
  try {
    const bin = join(root, 'bin', 'mtlsctl.js');
    node([bin, 'init-root', '--dir', directory, '--no-passphrase', '--quiet']);
    const warmUp = join(directory, 'warm-up.cjs');
    await writeFile(
      warmUp,
      `const { codeCacheFile, program, script } = require(${JSON.stringify(bin)});
       process.argv = [process.argv[0], ${JSON.stringify(bin)}, 'inspect', ${JSON.stringify(join(directory, 'ca.pem'))}];
       program.run('').then(() => require('node:fs').writeFileSync(codeCacheFile(), script.createCachedData()));`,
    );
    node([warmUp]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function node(args) {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}\n${stderr}`);
}
