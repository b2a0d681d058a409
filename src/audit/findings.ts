import { formatInstant } from '../options.ts';

/** What an audit can find, by code, with its facts. `line` is that of the ledger, from 1; instants are in milliseconds. */
export interface FindingFacts {
  'authority-certificate': { readonly file: string };
  'certificate-issuer': { readonly line: number; readonly serial: string; readonly issuer: string };
  'certificate-malformed': { readonly line: number; readonly serial: string; readonly problem: string };
  'certificate-mismatch': {
    readonly line: number;
    readonly serial: string;
    readonly member: string;
    readonly recorded: string;
    readonly actual: string;
  };
  'certificate-signature': { readonly line: number; readonly serial: string; readonly outcome: string };
  'chain-broken': { readonly line: number; readonly expected: string; readonly found: string };
  'clock-ahead': { readonly line: number; readonly at: number; readonly now: number };
  'clock-back': { readonly line: number; readonly at: number; readonly before: number };
  'crl-behind': { readonly file: string; readonly number: string; readonly last: number; readonly line: number };
  'crl-entry-mismatch': {
    readonly line: number;
    readonly serial: string;
    readonly member: string;
    readonly recorded: string;
    readonly actual: string;
  };
  'crl-entry-unrecorded': { readonly file: string; readonly serial: string; readonly number: string };
  'crl-expired': { readonly file: string; readonly number: string; readonly nextUpdate: number | undefined };
  'crl-files-differ': { readonly file: string; readonly other: string };
  'crl-malformed': { readonly file: string; readonly problem: string };
  'crl-missing': { readonly file: string };
  'crl-not-merged': { readonly file: string; readonly number: string; readonly found: string | undefined };
  'crl-number': { readonly line: number; readonly number: number; readonly previous: number };
  'crl-signature': { readonly file: string; readonly problem: string };
  'crl-unrecorded': {
    readonly file: string;
    readonly number: string;
    readonly sha256: string;
    readonly last: number | undefined;
  };
  'installed-mismatch': { readonly line: number; readonly serial: string; readonly file: string };
  'installed-unrecorded': { readonly serial: string; readonly file: string };
  'ledger-empty': { readonly file: string };
  'line-malformed': { readonly line: number; readonly problem: string };
  'not-begun': { readonly line: number; readonly event: string };
  'release-unheld': { readonly line: number; readonly serial: string };
  'revocation-mismatch': {
    readonly line: number;
    readonly serial: string;
    readonly recorded: number;
    readonly actual: number;
  };
  'revocation-unissued': { readonly line: number; readonly serial: string };
  'revocation-unpublished': { readonly line: number; readonly serial: string; readonly number: string };
  sequence: { readonly line: number; readonly expected: number; readonly found: number };
  'serial-twice': { readonly line: number; readonly serial: string; readonly first: number };
  'sum-missing': { readonly line: number };
  'torn-tail': { readonly line: number; readonly offset: number; readonly length: number };
  'unknown-event': { readonly line: number; readonly event: string };
}

export type FindingCode = keyof FindingFacts;

export type Finding = { [Code in FindingCode]: { readonly code: Code } & FindingFacts[Code] }[FindingCode];

/** What an explanation names besides the facts. */
export interface FindingPlace {
  readonly authority: string;
  readonly ledger: string;
}

export interface FindingExplanation {
  /** One English sentence, lower case, without a full stop. */
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
}

type Advice = (place: FindingPlace) => string;
type Teller<Code extends FindingCode> = (facts: FindingFacts[Code]) => string;

const restore: Advice = ({ ledger }) =>
  `keep ${ledger} as evidence, and compare it with a backup: what was issued and revoked is in it`;
const publish: Advice = ({ authority }) => `run 'mtlsctl crl ${authority}'`;
const revokeIt: Advice = () =>
  'find out who signed it; the key may be in other hands, and the authority has to be made anew then';
const setClock: Advice = () => "look at the clock: 'timedatectl status'";

/** A code without a row does not compile. */
const tellers: { readonly [Code in FindingCode]: readonly [tell: Teller<Code>, advice: Advice] } = {
  'authority-certificate': [f => `${f.file} is a certificate that the ledger does not begin with`, restore],
  'certificate-issuer': [f => `the certificate ${f.serial} names another issuer: ${f.issuer}`, restore],
  'certificate-malformed': [f => `the certificate ${f.serial} can't be read: ${f.problem}`, restore],
  'certificate-mismatch': [
    f => `the certificate ${f.serial} says another ${f.member} than its line: ${f.actual} instead of ${f.recorded}`,
    restore,
  ],
  'certificate-signature': [f => `the signature of the certificate ${f.serial} is ${f.outcome}`, restore],
  'chain-broken': [f => `its 'prev' is not the SHA-256 of line ${f.line - 1}: one of the two was altered`, restore],
  'clock-ahead': [f => `it is of ${formatInstant(f.at)}, and the clock says ${formatInstant(f.now)}`, setClock],
  'clock-back': [
    f => `it is of ${formatInstant(f.at)}, before the line above (${formatInstant(f.before)}): the clock went back`,
    setClock,
  ],
  'crl-behind': [
    f => `${f.file} holds CRL ${f.number}, and CRL ${f.last} was signed after it (line ${f.line})`,
    publish,
  ],
  'crl-entry-mismatch': [
    f =>
      `the CRL in force says another ${f.member} of ${f.serial} than its revocation: ${f.actual} instead of ${f.recorded}`,
    publish,
  ],
  'crl-entry-unrecorded': [
    f => `CRL ${f.number} in ${f.file} lists ${f.serial}, which is not revoked in the ledger`,
    ({ authority }) =>
      `if it was released since the CRL was signed, run 'mtlsctl crl ${authority}'; if not, the ledger lost a revocation: restore it`,
  ],
  'crl-expired': [
    f =>
      `CRL ${f.number} in ${f.file} has ended${f.nextUpdate === undefined ? '' : ` at ${formatInstant(f.nextUpdate)}`}: relying parties refuse all certificates`,
    publish,
  ],
  'crl-files-differ': [f => `${f.file} and ${f.other} hold different CRLs`, publish],
  'crl-malformed': [f => `${f.file} can't be read: ${f.problem}`, publish],
  'crl-missing': [f => `there is no ${f.file}`, publish],
  'crl-not-merged': [
    f => `${f.file} lacks CRL ${f.number} of the authority${f.found === undefined ? '' : `: it has CRL ${f.found}`}`,
    publish,
  ],
  'crl-number': [f => `CRL ${f.number} follows CRL ${f.previous}: a number only grows`, restore],
  'crl-signature': [f => `${f.file} holds no CRL that the authority signed: ${f.problem}`, publish],
  'crl-unrecorded': [
    f =>
      `CRL ${f.number} in ${f.file} is in no line of the ledger${f.last === undefined ? '' : `, whose last is CRL ${f.last}`}: lines were cut off, or an old copy was restored`,
    restore,
  ],
  'installed-mismatch': [f => `the ledger has another certificate ${f.serial} than ${f.file}`, revokeIt],
  'installed-unrecorded': [
    f =>
      `${f.file} is signed by the authority, and its certificate ${f.serial} is in no line: lines were cut off, or the key was used elsewhere`,
    restore,
  ],
  'ledger-empty': [f => `${f.file} has no line, though the authority exists`, restore],
  'line-malformed': [f => f.problem, restore],
  'not-begun': [f => `the ledger begins with '${f.event}' instead of 'authority-created'`, restore],
  'release-unheld': [f => `${f.serial} is released, and is not on hold`, restore],
  'revocation-mismatch': [
    f =>
      `the revocation of ${f.serial} says that it expires at ${formatInstant(f.recorded)}, and it does at ${formatInstant(f.actual)}`,
    restore,
  ],
  'revocation-unissued': [f => `${f.serial} is revoked, and no line before issued it`, restore],
  'revocation-unpublished': [f => `${f.serial} is revoked, and is not on CRL ${f.number}, which is in force`, publish],
  sequence: [
    f =>
      f.found > f.expected
        ? `its 'seq' is ${f.found} instead of ${f.expected}: lines are missing before it, or were exchanged`
        : `its 'seq' is ${f.found} instead of ${f.expected}: it was put here from elsewhere`,
    restore,
  ],
  'serial-twice': [f => `the serial number ${f.serial} was given before, in line ${f.first}`, revokeIt],
  'sum-missing': [
    () => "it has no 'sum', and lines before it have one: an earlier version wrote it, or it was altered",
    restore,
  ],
  'torn-tail': [
    f => `the last ${f.length} octets are not a whole line: a command was killed while it wrote them`,
    () => 'the next command that writes sets it aside; if that was to revoke something, do it again',
  ],
  'unknown-event': [
    f => `'${f.event}' is an event of a later version, which is not audited`,
    () => 'audit with that version',
  ],
};

/** What may have an innocent cause and does not make a ledger unsound. */
const warningCodes: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'clock-ahead',
  'clock-back',
  'sum-missing',
  'unknown-event',
]);

/** The file itself is not what was written. */
const damageCodes: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'chain-broken',
  'line-malformed',
  'sequence',
  'torn-tail',
]);

export function isWarning(finding: Finding): boolean {
  return warningCodes.has(finding.code);
}

export function explainFinding(finding: Finding, place: FindingPlace): FindingExplanation {
  const [tell, advice] = tellers[finding.code];
  return { message: (tell as (facts: Finding) => string)(finding), advice: advice(place) };
}

export function lineOf(finding: Finding): number | undefined {
  return 'line' in finding ? finding.line : undefined;
}

/** Of a ledger that is damaged throughout a report needs no million lines. */
const kept = 1000;

/** Gathers findings in bounded memory. */
export class Findings {
  readonly #kept: Finding[] = [];
  #count = 0;
  #warnings = 0;

  add(...findings: readonly Finding[]): void {
    for (const finding of findings) {
      if (isWarning(finding)) this.#warnings += 1;
      else this.#count += 1;
      if (this.#kept.length < kept) this.#kept.push(finding);
    }
  }

  /** Without the warnings. */
  get count(): number {
    return this.#count;
  }

  get warningCount(): number {
    return this.#warnings;
  }

  /** Damaged lines come first, since much of the rest may follow from them; then by line, those of no line last. */
  sorted(): readonly Finding[] {
    const rank = (finding: Finding): number => (damageCodes.has(finding.code) ? 0 : 1);
    const place = (finding: Finding): number => lineOf(finding) ?? Number.MAX_SAFE_INTEGER;
    return this.#kept.sort((a, b) => rank(a) - rank(b) || place(a) - place(b));
  }
}
