import { MtlsctlError } from '../errors.ts';

/** One encapsulated block of RFC 7468 (or of RFC 1421, with headers). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
  /** RFC 1421 headers, such as `Proc-Type: 4,ENCRYPTED`, which old OpenSSL keys have. */
  readonly headers: readonly string[];
  /** The line of BEGIN, counted from 1. */
  readonly line: number;
}

/** A trust store of thousands of certificates is far below. */
const maximumBlocks = 100_000;

/**
 * Reads every block; text between blocks is ignored, and there may be none at all.
 * Throws `malformed` with the line where a block is broken: no END, another label at its END, anything that is not base64.
 */
export function readPem(text: Uint8Array | string): readonly PemBlock[] {
  const source = typeof text === 'string' ? text : asciiText(text);
  const blocks: PemBlock[] = [];
  const lines = new LineCounter(source);
  let position = source.indexOf('-----');
  while (position !== -1) {
    if (blocks.length === maximumBlocks) failAt(lines.lineOf(position), `more than ${maximumBlocks} blocks`);
    const { block, end } = readBlock(source, position, lines);
    if (block !== undefined) blocks.push(block);
    position = source.indexOf('-----', end);
  }
  return blocks;
}

/** Octets over 7F come out as other characters than base64 has, so nothing is lost by not decoding UTF-8. */
function asciiText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function readBlock(source: string, dashes: number, lines: LineCounter): { block?: PemBlock; end: number } {
  const lineStart = Math.max(source.lastIndexOf('\n', dashes), source.lastIndexOf('\r', dashes)) + 1;
  const begin = lineEnd(source, dashes);
  const opening = source.slice(lineStart, begin).trim();
  if (!/-----(BEGIN|END)\b/.test(opening)) return { end: begin };
  const line = lines.lineOf(dashes);
  const label = boundaryLabel(opening.replace(/^(\u00ef\u00bb\u00bf|\ufeff)/, ''), 'BEGIN');
  if (label === undefined) failAt(line, opening.includes('END') ? 'END without BEGIN' : 'bad BEGIN line');
  const closing = source.indexOf('-----', begin);
  if (closing === -1) failAt(line, `no END of ${label}`);
  const end = lineEnd(source, closing);
  const endLabel = boundaryLabel(source.slice(closing, end).trim(), 'END');
  if (endLabel === undefined) failAt(lines.lineOf(closing), `no END of ${label}`);
  if (endLabel !== label) failAt(lines.lineOf(closing), `END of another label than ${label}`);
  const { headers, body } = splitHeaders(source.slice(begin, closing));
  return { block: { label, der: decodeBase64(body, line), headers, line }, end };
}

/** RFC 7468, 3: labels are printable characters without two spaces or hyphens in a row; those in use are of capitals and digits. */
function boundaryLabel(text: string, word: 'BEGIN' | 'END'): string | undefined {
  const match = /^-----(BEGIN|END) ([A-Z0-9][A-Z0-9 .#]{0,62}[A-Z0-9])-----$/.exec(text);
  return match?.[1] === word ? match[2] : undefined;
}

function lineEnd(source: string, position: number): number {
  const newline = source.indexOf('\n', position);
  const end = newline === -1 ? source.length : newline;
  const carriageReturn = source.slice(position, end).indexOf('\r');
  return carriageReturn === -1 ? end : position + carriageReturn;
}

/** RFC 1421, 4.4: headers stand before the first empty line; lines that begin with white space continue the one before. */
function splitHeaders(body: string): { headers: string[]; body: string } {
  const colon = body.indexOf(':');
  if (colon === -1) return { headers: [], body };
  const blank = /\r?\n[ \t]*\r?\n/.exec(body.slice(colon));
  if (blank === null) return { headers: [], body };
  const headers = body
    .slice(0, colon + blank.index)
    .trim()
    .replace(/\r?\n[ \t]+/g, '')
    .split(/\r?\n/);
  return { headers, body: body.slice(colon + blank.index) };
}

/** RFC 4648, 4: canonical base64, in lines of any length. */
function decodeBase64(body: string, line: number): Uint8Array {
  const compact = body.replace(/[\s]+/g, '');
  if (compact === '') failAt(line, 'empty block');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0) failAt(line, 'block is not base64');
  const decoded = Buffer.from(compact, 'base64');
  if (!isCanonicalEnd(compact, decoded)) failAt(line, 'base64 has bits set after its end');
  return new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);
}

/** The bits of the last quantum that encode nothing have to be zero, or two texts would be the same octets. */
function isCanonicalEnd(compact: string, decoded: Buffer): boolean {
  const rest = decoded.length % 3;
  return rest === 0 || decoded.subarray(decoded.length - rest).toString('base64') === compact.slice(-4);
}

function failAt(line: number, message: string): never {
  throw new MtlsctlError('malformed', `PEM: ${message} at line ${line}`, { details: { line } });
}

/** Counts lines only as far as somebody asks, each once. */
class LineCounter {
  readonly #source: string;
  #position = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  /** `position` never goes back. */
  lineOf(position: number): number {
    for (let next = this.#newline(); next !== -1 && next < position; next = this.#newline()) {
      this.#position = next + 1;
      this.#line++;
    }
    return this.#line;
  }

  #newline(): number {
    return this.#source.indexOf('\n', this.#position);
  }
}

/** True for text with a PEM boundary in it; false for DER, even if some string inside looks like one. */
export function looksLikePem(bytes: Uint8Array): boolean {
  return (
    !isWholeElement(bytes) && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('-----BEGIN ')
  );
}

/** A SEQUENCE whose length is that of the input. Text that begins with `0` is told from it by the length. */
function isWholeElement(bytes: Uint8Array): boolean {
  const [tag, first = 0] = bytes;
  if (tag !== 0x30) return false;
  if (first < 0x80) return first + 2 === bytes.length;
  let length = 0;
  for (const octet of bytes.subarray(2, 2 + (first & 0x7f))) length = length * 256 + octet;
  return length + 2 + (first & 0x7f) === bytes.length;
}

/** RFC 7468, 2: lines of 64 characters, with a final newline. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
