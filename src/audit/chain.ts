import { firstPrev, type LedgerEntry, lineHash, parseLine } from '../authority/ledger-format.ts';
import type { Line } from '../authority/ledger-lines.ts';
import type { Finding } from './findings.ts';

/** Processes that write at the same time may have looked at the clock in another order than they write. */
const clockTolerance = 60_000;

/**
 * Follows the lines of a ledger, each of which has to go on from the one before. Goes on after what is wrong, so that one change is one
 * finding and all others are found as well.
 */
export class Chain {
  readonly #now: number;
  #head = firstPrev;
  #seq = 0;
  #lines = 0;
  #at = -Infinity;
  #hasSums = false;
  #clockIsAhead = false;
  /** What follows a bad line can't fit to it. */
  #isBroken = false;

  constructor(now: number) {
    this.#now = now;
  }

  /** SHA-256 of the last line; 64 zeros where there is none. */
  get head(): string {
    return this.#head;
  }

  get lines(): number {
    return this.#lines;
  }

  /** The line's entry, if it is one, and what is wrong with its place among the others. */
  add(line: Line): { readonly entry: LedgerEntry | undefined; readonly findings: readonly Finding[] } {
    const entry = parseLine(line.bytes);
    const number = line.number;
    this.#lines = number;
    if (typeof entry === 'string') {
      this.#goOn(line, this.#seq + 1, true);
      return { entry: undefined, findings: [{ code: 'line-malformed', line: number, problem: entry }] };
    }
    const findings = [...this.#order(entry, number), ...this.#clock(entry, number), ...this.#sum(entry, number)];
    this.#goOn(line, entry.seq, false);
    return { entry, findings };
  }

  #goOn(line: Line, seq: number, isBroken: boolean): void {
    this.#head = lineHash(line.bytes);
    this.#seq = seq;
    this.#isBroken = isBroken;
  }

  #order({ seq, prev }: LedgerEntry, line: number): readonly Finding[] {
    const expected = this.#seq + 1;
    if (seq !== expected) return [{ code: 'sequence', line, expected, found: seq }];
    if (prev === this.#head || this.#isBroken) return [];
    return [{ code: 'chain-broken', line, expected: this.#head, found: prev }];
  }

  #clock(entry: LedgerEntry, line: number): readonly Finding[] {
    const at = Date.parse(entry.at);
    const before = this.#at;
    this.#at = at;
    if (at < before - clockTolerance) return [{ code: 'clock-back', line, at, before }];
    if (this.#clockIsAhead || at <= this.#now + clockTolerance) return [];
    this.#clockIsAhead = true;
    return [{ code: 'clock-ahead', line, at, now: this.#now }];
  }

  #sum({ sum }: LedgerEntry, line: number): readonly Finding[] {
    if (sum === undefined) return this.#hasSums ? [{ code: 'sum-missing', line }] : [];
    this.#hasSums = true;
    return [];
  }
}
