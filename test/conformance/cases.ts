import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const file = fileURLToPath(new URL('../../../shared/conformance/chains-open.ndjson.gz', import.meta.url));

/** The cases are other people's and not part of this repository. */
export const casesArePresent = existsSync(file);
if (!casesArePresent) {
  console.log(
    `skipped: no chains to verify in ${file}; they come from x509-limbo (C2SP, with BetterTLS) and NIST PKITS`,
  );
}

/** What a case holds besides the request. */
export interface Case {
  readonly id: string;
  readonly class: string;
  readonly expected: 'valid' | 'invalid';
}

/** An answer of `verify-chain --batch`. */
export interface Answer {
  readonly id: string;
  readonly valid?: boolean;
  readonly reasons?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** All cases, one request a line. */
export function requestLines(): string {
  return gunzipSync(readFileSync(file)).toString();
}

export function parseCases(ndjson: string): readonly Case[] {
  return parseLines(ndjson) as readonly Case[];
}

export function parseAnswers(ndjson: string): readonly Answer[] {
  return parseLines(ndjson) as readonly Answer[];
}

function parseLines(ndjson: string): readonly unknown[] {
  return ndjson
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}
