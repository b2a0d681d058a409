import type { LedgerEntry } from '../authority/ledger.ts';
import { CrlReason } from '../x509/extensions.ts';
import type { Finding } from './findings.ts';

/** A certificate that has an entry in the CRL. Instants in milliseconds. */
export interface RevokedState {
  readonly line: number;
  readonly date: number;
  readonly reason: number;
  readonly invalidityDate: number | undefined;
  readonly notAfter: number;
}

export interface Publication {
  readonly line: number;
  readonly number: number;
  readonly thisUpdate: number;
  readonly sha256: string;
  /** A delta CRL goes with a complete one, and is never in force by itself. */
  readonly isDelta: boolean;
  /** Signed ahead of its time, to be put in force by hand. */
  readonly isAhead: boolean;
}

/** In whole seconds: there may be millions of them, and small numbers take no memory of their own. */
interface IssuedState {
  readonly line: number;
  readonly notAfter: number;
}

type EntryOf<Event extends LedgerEntry['event']> = Extract<LedgerEntry, { readonly event: Event }>;

/** A CRL never begins before the last one, even where the clock went back a little. */
const clockTolerance = 300_000;

/** What a ledger says, entry by entry, and what of it can't be. */
export class LedgerState {
  readonly issued = new Map<string, IssuedState>();
  readonly revoked = new Map<string, RevokedState>();
  readonly publications: Publication[] = [];
  /** The certificates that the authority was created with: one, but for an interrupted installation. DER in base64. */
  readonly ownCertificates = new Set<string>();
  #last = 0;
  #hasBegun = false;

  add(entry: LedgerEntry, line: number): readonly Finding[] {
    const findings = this.#begin(entry, line);
    switch (entry.event) {
      case 'authority-created':
        this.ownCertificates.add(entry.certificate);
        return findings;
      case 'crl-published':
        return [...findings, ...this.#publish(entry, line)];
      case 'issued':
        return [...findings, ...this.#issue(entry, line)];
      case 'released':
        return [...findings, ...this.#release(entry, line)];
      case 'revoked':
        return [...findings, ...this.#revoke(entry, line)];
      case 'unknown':
        return [...findings, { code: 'unknown-event', line, event: entry.name }];
    }
  }

  #begin(entry: LedgerEntry, line: number): readonly Finding[] {
    if (this.#hasBegun) return [];
    this.#hasBegun = true;
    if (entry.event === 'authority-created') return [];
    return [{ code: 'not-begun', line, event: entry.event === 'unknown' ? entry.name : entry.event }];
  }

  #issue({ serial, notAfter }: EntryOf<'issued'>, line: number): readonly Finding[] {
    const first = this.issued.get(serial)?.line;
    if (first !== undefined) return [{ code: 'serial-twice', line, serial, first }];
    this.issued.set(serial, { line, notAfter: Math.floor(Date.parse(notAfter) / 1000) });
    return [];
  }

  #revoke(entry: EntryOf<'revoked'>, line: number): readonly Finding[] {
    const { serial, reason, invalidityDate } = entry;
    const [date, notAfter] = [Date.parse(entry.date), Date.parse(entry.notAfter)];
    this.revoked.set(serial, {
      ...{ line, date, reason, notAfter },
      invalidityDate: invalidityDate === undefined ? undefined : Date.parse(invalidityDate),
    });
    const issued = this.issued.get(serial);
    if (issued === undefined) return [{ code: 'revocation-unissued', line, serial }];
    const actual = issued.notAfter * 1000;
    return notAfter === actual ? [] : [{ code: 'revocation-mismatch', line, serial, recorded: notAfter, actual }];
  }

  #release({ serial }: EntryOf<'released'>, line: number): readonly Finding[] {
    const isHeld = this.revoked.get(serial)?.reason === CrlReason.certificateHold;
    this.revoked.delete(serial);
    return isHeld ? [] : [{ code: 'release-unheld', line, serial }];
  }

  #publish(entry: EntryOf<'crl-published'>, line: number): readonly Finding[] {
    const { number, sha256 } = entry;
    const previous = this.#last;
    this.#last = Math.max(previous, number);
    const isDelta = entry.base !== undefined;
    const thisUpdate = Date.parse(entry.thisUpdate);
    const isAhead = thisUpdate > Date.parse(entry.at) + clockTolerance;
    this.publications.push({ line, number, sha256, isDelta, isAhead, thisUpdate });
    return number > previous ? [] : [{ code: 'crl-number', line, number, previous }];
  }
}
