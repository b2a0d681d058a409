import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { codeCacheFile } = createRequire(import.meta.url)('../bin/mtlsctl.js') as { codeCacheFile: () => string };

describe('the code cache', () => {
  it('is there for the Node that built it', () => {
    expect(existsSync(codeCacheFile())).toBe(true);
  });

  // V8 of 20.17.0 takes what that of 20.20.2 made, and crashes on it.
  it('names the version and the executable, so that no other Node takes it', () => {
    expect(basename(codeCacheFile())).toMatch(
      new RegExp(`^code-${process.version.replaceAll('.', '\\.')}-${process.arch}-\\d+-\\d+\\.cache$`),
    );
  });
});
