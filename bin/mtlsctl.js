#!/usr/bin/env node
'use strict';

const { readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '..', 'dist');

/**
 * The files that the program is in (build.mjs), in the order in which they are opened: looking at a certificate needs the first only. Each holds
 * an object of modules, name → function (require, module).
 */
const parts = ['mtlsctl.cjs', 'verify-chain.cjs', 'rest.cjs'];

/**
 * What V8 made of a part when it was built: that halves the time to start. It is only for the very executable that made it: another build of Node,
 * even with the same V8, may take it and crash (20.17.0 did with that of 20.20.2).
 */
function codeCacheFile(part) {
  const { size, mtimeMs } = statSync(process.execPath);
  return join(dist, `${part}-${process.version}-${process.arch}-${size}-${Math.floor(mtimeMs)}.cache`);
}

function readCodeCache(part) {
  try {
    return readFileSync(codeCacheFile(part));
  } catch {
    return undefined;
  }
}

/** The modules of the parts opened so far, and the script of each of these parts. */
const modules = Object.create(null);
const scripts = new Map();

function openPart(part) {
  const filename = join(dist, part);
  const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: readCodeCache(part) });
  scripts.set(part, script);
  Object.assign(modules, script.runInThisContext());
}

/** Node takes 3 ms to load this one, and to look at a certificate does without. Only named imports of it work so (build.mjs sees to it). */
const crypto = new Proxy({}, { get: (_, name) => require('node:crypto')[name] });

const loaded = new Map();

/** As require, of the modules of the parts; `path` begins with ./ where it is one, or a file of dist/. */
function requireModule(path) {
  if (path === 'node:crypto') return crypto;
  if (!path.startsWith('./')) return require(path);
  if (path.endsWith('.cjs')) return require(join(dist, path));
  let exports = loaded.get(path);
  if (exports === undefined) {
    while (!(path in modules)) openPart(parts[scripts.size]);
    const module = { exports: {} };
    modules[path](requireModule, module);
    // Static imports form no circle here: what this one exports is there by now, and to read it needs no getters.
    exports = { __esModule: true, ...module.exports };
    loaded.set(path, exports);
  }
  return exports;
}

const program = requireModule('./program.js');

if (require.main === module) void program.run(join(dist, 'thread.cjs'));
else module.exports = { codeCacheFile, parts, program, scripts };
