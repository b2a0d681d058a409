import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

/** A fresh directory for each test of the file. The result gives its path while a test runs. */
export function temporaryDirectory(): () => string {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'mtlsctl-test-'));
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return () => path;
}

/** One directory for all tests of the file. */
export function sharedTemporaryDirectory(): () => string {
  let path = '';
  beforeAll(() => {
    path = mkdtempSync(join(tmpdir(), 'mtlsctl-test-'));
  });
  afterAll(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return () => path;
}
