import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { MtlsctlError } from '../errors.ts';

/** The authority's own certificate was made or installed here. */
export interface AuthorityCreated {
  readonly event: 'authority-created';
  readonly subject: string;
  /** Lower-case hex, as everywhere in the ledger. */
  readonly serial: string;
  /** RFC 3339, UTC, as everywhere in the ledger. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** DER in base64. */
  readonly certificate: string;
}

export interface Issued {
  readonly event: 'issued';
  readonly serial: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly profile: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly certificate: string;
  /** The service, or the authority, that the certificate was made for, where it is known by name. */
  readonly service?: string;
}

export interface Revoked {
  readonly event: 'revoked';
  readonly serial: string;
  /** CRLReason, RFC 5280, 5.3.1. */
  readonly reason: number;
  readonly date: string;
  /** That of the certificate: its entry may leave the CRL some time after. */
  readonly notAfter: string;
  readonly invalidityDate?: string;
}

/** Taken back from certificateHold. */
export interface Released {
  readonly event: 'released';
  readonly serial: string;
}

export interface CrlPublished {
  readonly event: 'crl-published';
  readonly number: number;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  /** How many certificates it lists. */
  readonly entries: number;
  /** Of the CRL in DER. */
  readonly sha256: string;
  /** Of a delta CRL: the number of the complete one that it goes with. */
  readonly base?: number;
}

export type LedgerEvent = AuthorityCreated | CrlPublished | Issued | Released | Revoked;

/** Written by a later version; kept as it is. */
export interface UnknownEvent {
  readonly event: 'unknown';
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type LedgerEntry = (LedgerEvent | UnknownEvent) & {
  /** From 1, without a gap. */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** SHA-256 of the line before, in hex; 64 zeros in the first. */
  readonly prev: string;
  /** SHA-256, in hex, of the line before this member, which is its last; lines of earlier versions have none. */
  readonly sum?: string;
};

/** What `prev` of the first line is. */
export const firstPrev = '0'.repeat(64);

/** In octets: bounds what a reader holds. Far above any line of ours, and above what one group of appends writes and a crash may tear. */
export const longestLine = 16 * 1024 * 1024;

export function lineHash(line: Uint8Array | string): string {
  return hash('sha256', line, 'hex');
}

interface Field {
  readonly is: (value: unknown) => boolean;
  readonly what: string;
  readonly optional?: true;
}

const text: Field = { is: value => typeof value === 'string' && value.length <= 4096, what: 'text' };
const texts: Field = { is: value => Array.isArray(value) && value.every(text.is), what: 'a list of texts' };
const instant: Field = { is: isInstant, what: 'an instant (RFC 3339, UTC)' };
const serial: Field = matching(/^-?[0-9a-f]{1,64}$/, 'a serial in lower-case hex');
const sha256: Field = matching(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex');
const base64: Field = matching(/^[A-Za-z0-9+/]+={0,2}$/, 'base64');
const count: Field = { is: value => Number.isSafeInteger(value) && Number(value) >= 0, what: 'a whole number' };
const optional = (field: Field): Field => ({ ...field, optional: true });

/** The fields of each event, in the order they are written in. */
const fieldsByEvent: Readonly<Record<LedgerEvent['event'], Readonly<Record<string, Field>>>> = {
  'authority-created': { subject: text, serial, notBefore: instant, notAfter: instant, certificate: base64 },
  'crl-published': {
    ...{ number: count, thisUpdate: instant, nextUpdate: instant, entries: count, sha256 },
    base: optional(count),
  },
  issued: {
    serial,
    service: optional(text),
    subject: text,
    names: texts,
    profile: text,
    notBefore: instant,
    notAfter: instant,
    certificate: base64,
  },
  released: { serial },
  revoked: { serial, reason: count, date: instant, notAfter: instant, invalidityDate: optional(instant) },
};

function matching(pattern: RegExp, what: string): Field {
  return { is: value => typeof value === 'string' && pattern.test(value), what };
}

function isInstant(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

/** An instant as the ledger writes it, from milliseconds. */
export function formatLedgerInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** The part of a line that does not depend on its place. Throws a TypeError for an event that the ledger would not read back. */
export function encodeEvent(event: LedgerEvent, now: number): string {
  const fields: Record<string, unknown> = { at: formatLedgerInstant(now), event: event.event };
  for (const name of Object.keys(fieldsByEvent[event.event])) fields[name] = event[name as keyof LedgerEvent];
  const wrong = wrongField(fieldsByEvent[event.event], fields);
  if (wrong !== undefined) throw new TypeError(`a ledger event '${event.event}' whose ${wrong}`);
  return JSON.stringify(fields).slice(1, -1);
}

/** One line without its newline. */
export function encodeLine(seq: number, event: string, prev: string): string {
  return withSum(`{"seq":${seq},${event},"prev":"${prev}"`);
}

/** Ends an object that lacks its closing brace. */
export function withSum(text: string): string {
  return `${text}${beforeSum}${hash('sha256', text, 'hex')}${behindSum}`;
}

// The chain of `prev` shows a change only to those who read on to the next line. The sum shows it in the line itself, the last one too.
const beforeSum = ',"sum":"';
const behindSum = '"}';
const sumLength = beforeSum.length + 64 + behindSum.length;

export type SumState = 'absent' | 'right' | 'wrong';

/** How a line ends that an earlier version wrote: any other without a sum had one whose name was altered. */
const endWithoutSum = /^"prev":"[0-9a-f]{64}"\}$/;

/** Whether a line ends in a sum, and in the right one; without one, in `prev`. */
export function sumState(line: Uint8Array): SumState {
  const covered = line.length - sumLength;
  if (covered < 0) return 'wrong';
  const end = Buffer.from(line.buffer, line.byteOffset + covered, sumLength).toString('latin1');
  if (!end.startsWith(beforeSum) || !end.endsWith(behindSum)) return endWithoutSum.test(end) ? 'absent' : 'wrong';
  const sum = hash('sha256', line.subarray(0, covered), 'hex');
  return end.startsWith(sum, beforeSum.length) ? 'right' : 'wrong';
}

/** Of a line that is none of ours: what is wrong with it, and nothing else. */
export function parseLine(line: Uint8Array): LedgerEntry | string {
  const value = parseObject(line);
  if (value === undefined) return 'it is not a JSON object';
  const state = sumState(line);
  if (state === 'wrong') return 'it does not end in the sum of what it holds';
  const { seq, at, event, prev, sum, ...fields } = value;
  if (!count.is(seq)) return "its 'seq' is not a whole number";
  if (!instant.is(at)) return "its 'at' is not an instant (RFC 3339, UTC)";
  if (!sha256.is(prev)) return "its 'prev' is not a SHA-256 in lower-case hex";
  if (typeof event !== 'string') return "its 'event' is not text";
  if (!isKnownEvent(event))
    return { event: 'unknown', name: event, fields, seq, at, prev, ...(state === 'right' && { sum }) } as LedgerEntry;
  const wrong = wrongField(fieldsByEvent[event], fields);
  return wrong === undefined ? (value as unknown as LedgerEntry) : `its ${wrong}`;
}

/**
 * Whether a last line is what a crash leaves: without its newline, or with octets that never reached the disk and read as zero.
 * Anything else that is wrong with it was not done by a crash, and must not pass for one: the line may hold a revocation.
 */
export function isTornLine(line: Uint8Array, hasNewline: boolean): boolean {
  return !hasNewline || line.includes(0);
}

/** The object that a line holds; undefined where it is no JSON, or not an object. */
export function parseObject(line: Uint8Array): Record<string, unknown> | undefined {
  if (!isUtf8(line)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isKnownEvent(event: string): event is LedgerEvent['event'] {
  return Object.hasOwn(fieldsByEvent, event);
}

function wrongField(
  fields: Readonly<Record<string, Field>>,
  values: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const name in fields) {
    const field = fields[name];
    const value = values[name];
    if (field === undefined || (value === undefined && field.optional === true)) continue;
    if (!field.is(value)) return `'${name}' is not ${field.what}`;
  }
  return undefined;
}

/** The failure of everything that needs a whole ledger. `line` counts from 1. */
export function ledgerCorrupt(path: string, line: number, what: string): MtlsctlError {
  return new MtlsctlError('ledger-corrupt', `${path}, line ${line}: ${what}`, {
    hints: [`sed -n ${line}p ${path}`],
    details: { path, line },
  });
}
