import { isKnownEvent, type LedgerEntry } from './ledger-format.ts';
import type { Line } from './ledger-lines.ts';

// A ledger may have a million lines of a kilobyte and more, nearly all of it certificates. What a line is about stands at its beginning, and
// to look there takes a tenth of the time that parsing takes. Only a line that begins exactly as ours do is judged so; others are parsed.

/** What the beginning of a line tells. */
export interface LineHead {
  /** Milliseconds. */
  readonly at: number;
  readonly event: LedgerEntry['event'];
  /** Undefined in events that have none. */
  readonly serial: string | undefined;
  /** Undefined in events that have none. */
  readonly service: string | undefined;
}

const headPattern =
  /^\{"seq":(\d{1,15}),"at":"([\dTZ:.-]{20,24})","event":"([a-z-]{1,40})",(?:"serial":"(-?[0-9a-f]{1,64})"(?:,"service":"([a-z0-9-]{1,63})")?,"(?!service"))?/;

/** Room for what the pattern matches at the longest. */
const headLength = 320;

function matchHead(line: Line): RegExpExecArray | undefined {
  const { buffer, byteOffset, length } = line.bytes;
  const beginning = Buffer.from(buffer, byteOffset, Math.min(length, headLength)).toString('latin1');
  const match = headPattern.exec(beginning);
  return match === null || Number(match[1]) !== line.number ? undefined : match;
}

/** Undefined where only the parser can tell. */
export function readHead(line: Line): LineHead | undefined {
  const match = matchHead(line);
  if (match === undefined) return undefined;
  const [, , at = '', event = '', serial, service] = match;
  const time = Date.parse(at);
  if (Number.isNaN(time) || (event === 'issued' && serial === undefined)) return undefined;
  return { at: time, event: isKnownEvent(event) ? event : 'unknown', serial, service };
}

/** Whether the line is certainly of an event that is not wanted. An event that nobody knows may be one that was altered, which parsing shows. */
export function isOther(line: Line, wanted: ReadonlySet<LedgerEntry['event']>): boolean {
  const event = matchHead(line)?.[3];
  return event !== undefined && isKnownEvent(event) && !wanted.has(event);
}
