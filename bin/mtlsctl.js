#!/usr/bin/env node
'use strict';

const { readFileSync, statSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(dirname(__dirname), 'dist');
const filename = join(dist, 'mtlsctl.cjs');

/**
 * What V8 made of the program when it was built: that halves the time to start. It is only for the very executable that made it: another build of Node,
 * even with the same V8, may take it and crash (20.17.0 did with that of 20.20.2).
 */
function codeCacheFile() {
  const { size, mtimeMs } = statSync(process.execPath);
  return join(dist, `code-${process.version}-${process.arch}-${size}-${Math.floor(mtimeMs)}.cache`);
}

function readCodeCache() {
  try {
    return readFileSync(codeCacheFile());
  } catch {
    return undefined;
  }
}

function load() {
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`;
  const script = new Script(source, { filename, cachedData: readCodeCache() });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(filename), module, filename, dist);
  return { program: module.exports, script };
}

const { program, script } = load();

if (require.main === module) void program.run(join(dist, 'thread.cjs'));
else module.exports = { codeCacheFile, program, script };
