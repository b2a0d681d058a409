import { MtlsctlError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** One encapsulated block of RFC 7468 (or of RFC 1421, with headers). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
  /** RFC 1421 headers, such as `Proc-Type: 4,ENCRYPTED`, which old OpenSSL keys have. */
  readonly headers: readonly string[];
  /** The line of BEGIN, counted from 1. */
  readonly line: number;
}

/** A pool of 10,000 certificates is far below. */
const maximumBlocks = 20_000;

/**
 * Reads every block; text between blocks is ignored, and there may be none at all.
 * Throws `malformed` with the line where a block is broken: no END, another label at its END, anything that is not base64.
 */
export function readPem(text: Uint8Array | string): readonly PemBlock[] {
  const source = typeof text === 'string' ? Buffer.from(text) : bufferOver(text);
  const blocks: PemBlock[] = [];
  const lines = new LineCounter(source);
  let position = source.indexOf(dashes);
  while (position !== -1) {
    const opening = lineAround(source, position);
    position = opening.end;
    if (isBoundary(opening.text)) {
      const { block, end } = readBlock(source, opening, lines);
      if (blocks.push(block) > maximumBlocks) failAt(block.line, `more than ${maximumBlocks} blocks`);
      position = end;
    }
    position = source.indexOf(dashes, position);
  }
  return blocks;
}

const dashes = '-----';

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface Line {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** No boundary is longer. What is longer is cut, so that text full of hyphens can't make reading slow. */
const maximumBoundary = 256;

/** The line that `position` is in, without white space around it or a byte order mark before. */
function lineAround(source: Buffer, position: number): Line {
  let start = position;
  let end = position;
  while (start > 0 && position - start < maximumBoundary && !isLineBreak(source[start - 1])) start--;
  while (end < source.length && end - position < maximumBoundary && !isLineBreak(source[end])) end++;
  const text = source
    .toString('latin1', start, end)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trim();
  return { text, start, end };
}

function isLineBreak(octet: number | undefined): boolean {
  return octet === 0x0a || octet === 0x0d;
}

/** Hyphens in the middle of a line are text like any other. */
function isBoundary(text: string): boolean {
  return /^-----(BEGIN|END)\b/.test(text);
}

function readBlock(source: Buffer, opening: Line, lines: LineCounter): { block: PemBlock; end: number } {
  const line = lines.lineOf(opening.end);
  const label = boundaryLabel(opening.text, 'BEGIN');
  if (label === undefined) failAt(line, opening.text.startsWith('-----END') ? 'END without BEGIN' : 'bad BEGIN line');
  const next = source.indexOf(dashes, opening.end);
  if (next === -1) failAt(line, `no END of ${label}`);
  const closing = lineAround(source, next);
  const endLabel = boundaryLabel(closing.text, 'END');
  if (endLabel === undefined) failAt(lines.lineOf(next), `no END of ${label}`);
  if (endLabel !== label) failAt(lines.lineOf(next), `END of another label than ${label}`);
  const { headers, bodyStart } = readHeaders(source, opening.end, closing.start);
  const der = decodeBase64(source, bodyStart, closing.start);
  if (der === undefined) failAt(line, `${label} is not base64`);
  if (der.length === 0) failAt(line, `${label} is empty`);
  return { block: { label, der, headers, line }, end: closing.end };
}

/** RFC 7468, 3: labels are printable characters without two spaces or hyphens in a row; those in use are of capitals and digits. */
function boundaryLabel(text: string, word: 'BEGIN' | 'END'): string | undefined {
  const match = /^-----(BEGIN|END) ([A-Z0-9][A-Z0-9 .#]{0,62}[A-Z0-9])-----$/.exec(text);
  return match?.[1] === word ? match[2] : undefined;
}

/** OpenSSL writes two of 20 to 60 characters. */
const maximumHeaders = 8192;

/** RFC 1421, 4.4: headers stand before the first empty line; lines that begin with white space continue the one before. */
function readHeaders(source: Buffer, start: number, end: number): { headers: readonly string[]; bodyStart: number } {
  const head = source.toString('latin1', start, Math.min(end, start + maximumHeaders));
  const match = /^\s*([A-Za-z][\w-]*:[^]*?)\r?\n[ \t]*\r?\n/.exec(head);
  if (match === null) return { headers: [], bodyStart: start };
  const headers = (match[1] ?? '').replace(/\r?\n[ \t]+/g, '').split(/\r?\n/);
  return { headers, bodyStart: start + match[0].length };
}

function failAt(line: number, message: string): never {
  throw new MtlsctlError('malformed', `PEM: ${message} at line ${line}`, { details: { line } });
}

/** Counts lines only as far as somebody asks, each once. */
class LineCounter {
  readonly #source: Buffer;
  #position = 0;
  #line = 1;

  constructor(source: Buffer) {
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
    return this.#source.indexOf(0x0a, this.#position);
  }
}

/** True for text with a PEM boundary in it; false for DER, even if some string inside looks like one. */
export function looksLikePem(bytes: Uint8Array): boolean {
  return !isWholeElement(bytes) && bufferOver(bytes).includes('-----BEGIN ');
}

/** Tells of a file without a PEM boundary what is wrong where it is no DER of ours either. Throws `malformed`. */
export function asDer(file: Uint8Array): Uint8Array {
  if (file.length === 0) throw new MtlsctlError('malformed', 'the file is empty');
  if (file[0] !== 0x30) throw new MtlsctlError('malformed', 'the file is neither PEM nor DER');
  return file;
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
  return encodePemFile(label, der).toString('latin1');
}

/** As encodePem(), in octets: a CRL may be too large to be worth a string. */
export function encodePemFile(label: string, der: Uint8Array): Buffer {
  const lines = Math.ceil(der.length / octetsInLine);
  const characters = Math.ceil(der.length / 3) * 4 + lines;
  const [begin, end] = [`-----BEGIN ${label}-----\n`, `-----END ${label}-----\n`];
  const out = Buffer.allocUnsafe(begin.length + characters + end.length);
  let position = out.write(begin, 'latin1');
  for (let start = 0; start < der.length; start += octetsInLine) {
    position = encodeBase64(der, start, Math.min(der.length, start + octetsInLine), out, position);
    out[position++] = 0x0a;
  }
  out.write(end, position, 'latin1');
  return out;
}

/** 64 characters. */
const octetsInLine = 48;
