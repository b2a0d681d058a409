import type { Comparison } from './compare.ts';
import { backtracking, explanations, laxer, stricter } from './explained.ts';

/** What a run has found. */
export interface Summary {
  readonly accepted: number;
  readonly refused: number;
  /** Differences that the table explains, by explanation. */
  readonly explained: ReadonlyMap<string, number>;
  /** Differences that nothing explains: a bug in one of the two. */
  readonly unexplained: readonly Comparison[];
}

export const tableNames: readonly string[] = ['backtracking', ...Object.keys(laxer), ...Object.keys(stricter)];

export function summarise(comparisons: readonly Comparison[]): Summary {
  const explained = new Map<string, number>();
  const unexplained: Comparison[] = [];
  for (const comparison of comparisons) {
    const names = explanations(comparison);
    if (names === undefined) unexplained.push(comparison);
    else for (const name of names) explained.set(name, (explained.get(name) ?? 0) + 1);
  }
  const both = comparisons.filter(({ verdict, openssl }) => verdict.valid === openssl.accepted);
  const accepted = both.filter(({ verdict }) => verdict.valid).length;
  return { accepted, refused: both.length - accepted, explained, unexplained };
}

/** What a person needs to look into a difference. */
export function report({ index, mutation, verdict, openssl, alone }: Comparison): string {
  const ours = verdict.valid
    ? 'accepts'
    : `refuses: ${verdict.reasons.map(reason => JSON.stringify(reason)).join(' ')}`;
  const theirs = alone === undefined ? openssl : alone;
  return `case ${index} (${mutation})\n  mtlsctl ${ours}\n  openssl ${openssl.accepted ? 'accepts' : `refuses: ${theirs.output.trim()}`}`;
}

export function explanationOf(name: string): { readonly source: string; readonly says: string } | undefined {
  return name === 'backtracking' ? backtracking : (laxer[name] ?? stricter[name]);
}
