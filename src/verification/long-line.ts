import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { MtlsctlError } from '../errors.ts';

/*
 * A line of many megabytes (a pool, a large CRL) that JSON.parse() were given whole would stand in memory three times over, and one of nothing but brackets
 * ten times. So its long strings are cut out, and only what is left is parsed: PEM is read from the octets of the line.
 */

/** Octets of a string literal from which on it is cut out: any certificate in PEM has more. */
const long = 256;

/** Octets of what may be left, far above 20,000 certificates and 1,000 of each other thing. */
const maximumRest = 2 * 1024 * 1024;

/** Octets of a literal that is no PEM: names, instants, identities. */
const maximumPlain = 64 * 1024;

/** A string of a long line, still as it stands there. */
export class LongText {
  /** The literal with its quotation marks. */
  readonly #literal: Buffer;
  #digest: string | undefined;

  constructor(literal: Buffer) {
    this.#literal = literal;
  }

  /** Stands for the text as a key. */
  get digest(): string {
    return (this.#digest ??= createHash('sha256').update(this.#literal).digest('base64'));
  }

  /** Undefined where it is too long to be anything but PEM. Throws `malformed` where it is no JSON. */
  text(): string | undefined {
    return this.#literal.length > maximumPlain ? undefined : this.#parsed();
  }

  /** Its UTF-8. Throws `malformed` where it is no JSON. */
  bytes(): Uint8Array {
    return unescaped(this.#literal) ?? Buffer.from(this.#parsed());
  }

  #parsed(): string {
    return parseJson(this.#literal) as string;
  }
}

/** Escapes that PEM is written with; any other needs the whole of JSON. */
const simpleEscapes: ReadonlyMap<number, number> = new Map(
  Object.entries({ n: '\n', r: '\r', t: '\t', '/': '/' }).map(([letter, meant]) => [
    letter.charCodeAt(0),
    meant.charCodeAt(0),
  ]),
);

/** Undefined where there is any other than the simple escapes, or a control character. */
function unescaped(literal: Buffer): Uint8Array | undefined {
  const out = Buffer.allocUnsafe(literal.length);
  let length = 0;
  for (let i = 1; i < literal.length - 1; i++) {
    let octet = literal[i] ?? 0;
    if (octet < 0x20) return undefined;
    if (octet === backslash) {
      const meant = simpleEscapes.get(literal[++i] ?? 0);
      if (meant === undefined) return undefined;
      octet = meant;
    }
    out[length++] = octet;
  }
  return out.subarray(0, length);
}

const quotationMark = 0x22;
const backslash = 0x5c;

/** As JSON.parse(), with the long strings as LongText. Throws `malformed`, and `too-large` where too much is left without them. */
export function parseLongLine(bytes: Uint8Array): unknown {
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: LongText[] = [];
  const rest = new Rest();
  let kept = 0;
  for (let open = line.indexOf(quotationMark); open !== -1;) {
    const end = endOfLiteral(line, open);
    if (end - open >= long || mayLookCutOut(line, open, end)) {
      rest.add(line.subarray(kept, open));
      rest.add(Buffer.from(`"${mark}${texts.length}"`));
      texts.push(new LongText(line.subarray(open, end)));
      kept = end;
    }
    rest.expect(end - kept);
    open = line.indexOf(quotationMark, end);
  }
  rest.add(line.subarray(kept));
  return parseJson(rest.octets(), (_key, value) => (isMark(value) ? texts[Number(value.slice(1))] : value));
}

/** What is left of a line, as much as there may be. */
class Rest {
  readonly #parts: Buffer[] = [];
  #length = 0;

  add(part: Buffer): void {
    this.expect(part.length);
    this.#length += part.length;
    this.#parts.push(part);
  }

  /** Throws `too-large` if that many octets more would be too many. */
  expect(octets: number): void {
    if (this.#length + octets > maximumRest)
      throw new MtlsctlError('too-large', `the line has more than ${maximumRest} octets besides its long texts`);
  }

  octets(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/** Where the literal that opens here has ended; the end of the line where it has not. */
function endOfLiteral(line: Buffer, open: number): number {
  for (
    let quote = line.indexOf(quotationMark, open + 1);
    quote !== -1;
    quote = line.indexOf(quotationMark, quote + 1)
  ) {
    let backslashes = 0;
    while (line[quote - 1 - backslashes] === backslash) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return line.length;
}

/** In JSON, U+0000 can only be written as an escape: a string that has it is cut out, too, so that those left begin with it only for us. */
const mark = String.raw`\u0000`;

function mayLookCutOut(line: Buffer, open: number, end: number): boolean {
  return line[open + 1] === backslash && line.toString('latin1', open + 1, Math.min(end, open + 7)) === mark;
}

function isMark(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('\0');
}

/** JSON.parse() of UTF-8. Throws `malformed`. */
export function parseJson(octets: Uint8Array, reviver?: (key: string, value: unknown) => unknown): unknown {
  if (!isUtf8(octets)) throw new MtlsctlError('malformed', 'the line is not UTF-8');
  try {
    return JSON.parse(new TextDecoder().decode(octets), reviver);
  } catch (error) {
    if (error instanceof SyntaxError) throw new MtlsctlError('malformed', 'the line is not JSON', { cause: error });
    // A reviver goes down as deep as the brackets do.
    if (error instanceof RangeError)
      throw new MtlsctlError('malformed', 'the line is nested too deep', { cause: error });
    throw error;
  }
}
