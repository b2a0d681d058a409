import { type Authority, authorityLock, authorityNames, loadAuthority } from '../authority/authority.ts';
import { issuersOf, openLedger } from '../authority/issue.ts';
import type { LedgerEntry } from '../authority/ledger.ts';
import {
  beginning,
  isTorn,
  type Line,
  type Place,
  placeBehind,
  readLines,
  tornTail,
} from '../authority/ledger-lines.ts';
import { readOptionalTrustAnchors } from '../authority/trust.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { statPath } from '../file-operations.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import type { Threads } from '../system.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { checkCertificate, recordedCertificate } from './certificates.ts';
import { Chain } from './chain.ts';
import { compareCrls } from './crls.ts';
import { type Finding, Findings } from './findings.ts';
import { compareInstalled, type InstalledCertificate, installedCertificates, signedBy } from './installed.ts';
import { LedgerState } from './state.ts';
import { checkStretches, type Stretch, stretchLength } from './threads.ts';

export interface AuditOrder {
  readonly directory: string;
  readonly now: number;
  readonly threads: () => Promise<Threads | undefined>;
}

/** What was found out about one authority. */
export interface Audit {
  readonly authority: string;
  readonly ledger: string;
  readonly lines: number;
  /** SHA-256 of the last line. */
  readonly head: string;
  readonly issued: number;
  /** Not counting what was released. */
  readonly revoked: number;
  readonly crl: Crl | undefined;
  readonly findings: Findings;
}

/** Audits one authority. Throws `authority-missing`, `malformed`, `unreadable`, and `ledger-corrupt` where there is no ledger. */
export async function auditAuthority(order: AuditOrder, name: string): Promise<Audit> {
  const authority = await loadAuthority(order.directory, name);
  if (statPath(authority.paths.ledger) === undefined) openLedger(order.directory, authority).requireBegun();
  // What is installed was recorded before, and is looked at before.
  const installed = signedBy(authority.certificate, await installedCertificates(order.directory));
  const [own, above] = issuersOf(authority, await readOptionalTrustAnchors(order.directory));
  return new Auditor(order, { authority, issuer: authority.isRoot ? own : above, installed }).run();
}

/** The authorities here that have their certificate. */
export async function auditableAuthorities(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await authorityNames(directory)) if (await hasCertificate(directory, name)) names.push(name);
  if (names.length > 0) return names;
  throw new MtlsctlError('authority-missing', `there is no authority in ${directory}`, {
    hints: ["create one with 'mtlsctl init-root', or name the PKI directory with --dir"],
  });
}

async function hasCertificate(directory: string, name: string): Promise<boolean> {
  try {
    await loadAuthority(directory, name);
    return true;
  } catch (error) {
    if (isMtlsctlError(error, 'authority-missing')) return false;
    // It is there, and what is wrong with it is for the audit to say.
    if (isMtlsctlError(error)) return true;
    throw error;
  }
}

interface AuditSubject {
  readonly authority: Authority;
  /** Who signed the authority's own certificate; undefined where that is not here. */
  readonly issuer: Certificate | undefined;
  /** By serial number. */
  readonly installed: ReadonlyMap<string, readonly InstalledCertificate[]>;
}

class Auditor {
  readonly #order: AuditOrder;
  readonly #subject: AuditSubject;
  readonly #authority: Authority;
  readonly #findings = new Findings();
  readonly #chain: Chain;
  readonly #state = new LedgerState();
  readonly #stretches: Stretch[] = [];
  #place: Place = beginning;
  #stretchStart: Place = beginning;
  #torn: Finding | undefined;
  #isUnreadable = false;

  constructor(order: AuditOrder, subject: AuditSubject) {
    this.#order = order;
    this.#subject = subject;
    this.#authority = subject.authority;
    this.#chain = new Chain(order.now);
  }

  async run(): Promise<Audit> {
    this.#readOn();
    const crl = await this.#settle();
    if (this.#torn !== undefined) this.#findings.add(this.#torn);
    if (this.#chain.lines === 0) this.#findings.add({ code: 'ledger-empty', file: this.#authority.paths.ledger });
    else this.#checkOwnCertificate();
    this.#checkInstalled();
    await this.#checkCertificates();
    const { paths, name } = this.#authority;
    const { issued, revoked } = this.#state;
    return {
      ...{ authority: name, ledger: paths.ledger, findings: this.#findings, crl },
      ...{ lines: this.#chain.lines, head: this.#chain.head, issued: issued.size, revoked: revoked.size },
    };
  }

  /** Reads what is behind the last whole line that was read. */
  #readOn(): void {
    this.#torn = undefined;
    try {
      if (!this.#isUnreadable)
        for (const line of readLines(this.#authority.paths.ledger, this.#place)) this.#take(line);
    } catch (error) {
      if (!isMtlsctlError(error, 'ledger-corrupt')) throw error;
      this.#isUnreadable = true;
      const problem = 'it is too long to be a ledger entry, and so is all behind it';
      this.#findings.add({ code: 'line-malformed', line: Number(error.details['line']), problem });
    }
  }

  #take(line: Line): void {
    if (isTorn(line)) {
      this.#torn = { code: 'torn-tail', ...tornTail(line) };
      return;
    }
    const { entry, findings } = this.#chain.add(line);
    this.#findings.add(...findings, ...(entry === undefined ? [] : this.#judge(entry, line.number)));
    this.#place = placeBehind(line);
    if (this.#place.lines - this.#stretchStart.lines === stretchLength) this.#endStretch();
  }

  #judge(entry: LedgerEntry, line: number): readonly Finding[] {
    const findings = this.#state.add(entry, line);
    if (entry.event === 'authority-created')
      return [...findings, ...checkCertificate(recordedCertificate(entry, line), this.#subject.issuer)];
    const installed = entry.event === 'issued' ? this.#subject.installed.get(entry.serial) : undefined;
    if (entry.event !== 'issued' || installed === undefined) return findings;
    return [...findings, ...compareInstalled(installed, entry.certificate, line)];
  }

  #endStretch(): void {
    const count = this.#place.lines - this.#stretchStart.lines;
    if (count > 0) this.#stretches.push({ from: this.#stretchStart, count });
    this.#stretchStart = this.#place;
  }

  /** What may come from a command that is at work just now is looked at again while none is. */
  async #settle(): Promise<Crl | undefined> {
    const { directory, now } = this.#order;
    const compare = () => compareCrls(directory, this.#authority, this.#state, now);
    const first = await compare();
    if (first.findings.length === 0 && this.#torn === undefined) return first.inForce;
    const { name } = this.#authority;
    const locks = [
      lockDirectory(directory, `crl.${name}`),
      lockDirectory(directory, 'pki'),
      authorityLock(directory, name),
    ];
    const second = await whileQuiet(locks, () => {
      this.#readOn();
      return compare();
    });
    this.#findings.add(...second.findings);
    return second.inForce;
  }

  #checkOwnCertificate(): void {
    const { certificate, paths } = this.#authority;
    if (this.#state.ownCertificates.has(Buffer.from(certificate.der).toString('base64'))) return;
    this.#findings.add({ code: 'authority-certificate', file: paths.certificate });
  }

  #checkInstalled(): void {
    for (const [serial, installed] of this.#subject.installed) {
      if (this.#state.issued.has(serial)) continue;
      this.#findings.add(...installed.map(({ file }): Finding => ({ code: 'installed-unrecorded', serial, file })));
    }
  }

  async #checkCertificates(): Promise<void> {
    this.#endStretch();
    const { certificate, paths } = this.#authority;
    await checkStretches(paths.ledger, certificate, this.#stretches, this.#order.threads, findings => {
      this.#findings.add(...findings);
    });
  }
}

/** Longer than any command holds a lock that signs or writes once. */
const patience = 5000;

/**
 * Runs an action while nobody else holds these locks. Only locks that exist are taken, so that nothing is made in a directory that was
 * copied or may only be read; where one can't be had, the action is run without.
 */
async function whileQuiet<T>(locks: readonly string[], action: () => Promise<T>): Promise<T> {
  const [lock, ...others] = locks;
  if (lock === undefined) return action();
  if (statPath(lock) === undefined) return whileQuiet(others, action);
  const state = { isBegun: false };
  const begin = (): Promise<T> => {
    state.isBegun = true;
    return whileQuiet(others, action);
  };
  try {
    return await withLock(lock, begin, { timeoutMs: patience });
  } catch (error) {
    if (state.isBegun || !isMtlsctlError(error)) throw error;
    return whileQuiet(others, action);
  }
}
