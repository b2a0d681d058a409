// Builds dist/: the program in a few parts with V8's code cache beside each, and each heavy package in a file of its own; each is loaded when a
// command needs it. With --single: mtlsctl.cjs, one file with everything in it, for a machine without npm or network.
import { spawnSync } from 'node:child_process';
import { appendFile, chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build, transform } from 'esbuild';

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

/** The files of the program (see bin/mtlsctl.js): what each is for, and what it is run with before V8's code for it is kept. */
const parts = {
  'mtlsctl.cjs': {
    entryPoints: ['src/program.ts', 'src/commands/inspect.ts'],
    warmUpWith: directory => ['inspect', join(directory, 'user-svc', 'cert.pem')],
  },
  'verify-chain.cjs': { entryPoints: ['src/commands/verify-chain.ts'], warmUpWith: () => ['verify-chain', 'user-svc'] },
  'rest.cjs': { warmUpWith: () => ['enroll', 'api-gateway'] },
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
  minify: true,
  // The licences of what is bundled are gathered from the packages (noticesOf).
  legalComments: 'none',
  metafile: true,
  loader: { '.yaml': 'text', '.tmpl': 'text' },
  define: { MTLSCTL_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

if (process.argv.includes('--single')) await buildSingle();
else await buildDist();

async function buildSingle() {
  const outfile = join(root, 'mtlsctl.cjs');
  const banner = { js: '#!/usr/bin/env node' };
  const built = await build({
    ...common,
    entryPoints: ['src/single.ts'],
    outfile,
    banner,
    plugins: [withoutChildProcess],
  });
  await appendFile(outfile, `/*\n${(await noticesOf([built])).replaceAll('*/', '* /')}*/\n`);
  await chmod(outfile, 0o755);
}

async function buildDist() {
  await rm(dist, { recursive: true, force: true });
  const built = await Promise.all([
    buildParts(),
    ...Object.keys(heavy).map(name =>
      build({ ...common, stdin: entryFor(name), outfile: join(dist, vendorFile(name)) }),
    ),
    ...Object.entries(heavyModules).map(([name, source]) =>
      build({ ...common, entryPoints: [source], outfile: join(dist, vendorFile(name)) }),
    ),
  ]);
  await writeFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), await noticesOf(built));
  await writeFile(join(dist, 'thread.cjs'), "void require('../bin/mtlsctl.js').program.runWorker();\n");
  await writeCodeCaches();
}

/**
 * The program is cut into modules where it has an import(), and the modules are put together in the parts of bin/mtlsctl.js: what a part names and all
 * that it imports statically, unless it is in a part before. The last one takes what is left.
 */
async function buildParts() {
  const built = await build({
    ...common,
    entryPoints: ['src/program.ts'],
    outdir: dist,
    format: 'esm',
    splitting: true,
    write: false,
    plugins: [vendored, withoutChildProcess],
  });
  const { outputFiles, metafile } = built;
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
  const left = new Set(texts.keys());
  for (const [part, { entryPoints }] of Object.entries(parts)) {
    const names =
      entryPoints === undefined ? [...left] : withImports(entryPoints, outputs).filter(name => left.has(name));
    names.forEach(name => left.delete(name));
    const modules = await Promise.all(names.map(async name => [name, await asCommonJs(texts.get(name))]));
    const members = modules.map(([name, text]) => `${JSON.stringify(`./${name}`)}(require,module){${text}}`);
    await writeFile(join(dist, part), `({\n${members.join(',\n')}\n})\n`);
  }
  return built;
}

/** The names of the outputs that are made of these sources, and of all that they import before they run. */
function withImports(entryPoints, outputs) {
  const names = new Set();
  const add = name => {
    if (names.has(name) || !outputs.has(name)) return;
    names.add(name);
    for (const { path, kind } of outputs.get(name).imports) if (kind === 'import-statement') add(basename(path));
  };
  for (const [name, { entryPoint }] of outputs) if (entryPoints.includes(entryPoint)) add(name);
  return [...names];
}

async function asCommonJs(text) {
  if (/\bimport\b[^{}"(]*"node:crypto"/.test(text))
    throw new Error(
      'node:crypto is loaded when one of its names is used (bin/mtlsctl.js): import names of it, not the whole',
    );
  // import() becomes require(), which a script from the code cache has.
  const { code } = await transform(text, {
    format: 'cjs',
    target: common.target,
    minify: common.minify,
    supported: { 'dynamic-import': false },
  });
  return code;
}

/** What the licences of the packages ask for: each that is in what was built, with its version and the text of its licence. */
async function noticesOf(built) {
  const inputs = built.flatMap(({ metafile }) =>
    Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs)),
  );
  const directories = inputs.flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []);
  const packagesByText = new Map();
  for (const directory of [...new Set(directories)].sort()) {
    const { name, version } = JSON.parse(await readFile(join(root, directory, 'package.json'), 'utf8'));
    const file = (await readdir(join(root, directory))).find(each => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${directory} has no licence file`);
    const text = (await readFile(join(root, directory, file), 'utf8')).replaceAll('\r', '').trim();
    packagesByText.set(text, new Set(packagesByText.get(text)).add(`${name} ${version}`));
  }
  const notices = [...packagesByText].map(([text, packages]) => `${[...packages].join(', ')}\n\n${text}\n`);
  return `mtlsctl contains the following packages.\n\n${notices.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** module.exports is what import() of the file gives as the default export, and its properties as the names. */
function entryFor(name) {
  const what = heavy[name] === 'default' ? 'all' : '* as all';
  return { contents: `import ${what} from ${JSON.stringify(name)}; module.exports = all;`, resolveDir: root };
}

/** Runs a common command of each part and keeps what V8 compiled on the way (see bin/mtlsctl.js). */
async function writeCodeCaches() {
  const directory = await mkdtemp(join(tmpdir(), 'mtlsctl-build-'));
  try {
    const bin = join(root, 'bin', 'mtlsctl.js');
    const mtlsctl = (...words) => node([bin, ...words, '--dir', directory, '--quiet']);
    mtlsctl('init-root', '--no-passphrase');
    mtlsctl('issue-intermediate', 'site-a', '--no-passphrase');
    mtlsctl('enroll', 'user-svc');
    const warmUp = join(directory, 'warm-up.cjs');
    await writeFile(
      warmUp,
      `const [node, self, bin, part, ...words] = process.argv;
       const { codeCacheFile, program, scripts } = require(bin);
       process.argv = [node, bin, ...words];
       program.run('').then(() => require('node:fs').writeFileSync(codeCacheFile(part), scripts.get(part).createCachedData()));`,
    );
    for (const [part, { warmUpWith }] of Object.entries(parts))
      node([warmUp, bin, part, ...warmUpWith(directory), '--dir', directory, '--quiet']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function node(args) {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}\n${stderr}`);
}
