#!/usr/bin/env node
'use strict';

const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(dirname(__dirname), 'dist', 'mtlsctl.cjs');

/**
 * The program, compiled with the help of what V8 made of it at the build: that halves the time to start. Another version of Node refuses
 * the cache and compiles as usual.
 */
function load() {
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`;
  const script = new Script(source, { filename, cachedData: readCache() });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename));
  return { program: module.exports, script };
}

function readCache() {
  try {
    return readFileSync(join(dirname(filename), 'mtlsctl.cache'));
  } catch {
    return undefined;
  }
}

const { program, script } = load();

if (require.main === module) void program.run(join(dirname(filename), 'thread.cjs'));
else module.exports = { program, script };
