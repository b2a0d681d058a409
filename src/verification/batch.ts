import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Line } from '../lines.ts';
import { verifyChain } from '../path/verify.ts';
import type { ReasonCode } from '../path/reasons.ts';
import { parseFields, parseId, parseRequest, type RequestId } from './batch-request.ts';
import { ParsedTexts } from './parsed-texts.ts';

/** Octets. A pool of 10,000 certificates takes some 25 MB, a CRL of a million entries 55 MB. */
export const longestLine = 96 * 1024 * 1024;

/** What a line is answered with: judged, or why it can't be. CLI.md, `--batch`. */
export type BatchAnswer =
  | { readonly id: RequestId; readonly valid: boolean; readonly reasons: readonly ReasonCode[] }
  | { readonly id: RequestId; readonly error: { readonly code: string; readonly message: string } };

/** Gives one answer to each line that is not empty, in their order, each before the next line is waited for. `now` is asked for every line. */
export async function* answerLines(lines: AsyncIterable<Line>, now: () => number): AsyncGenerator<BatchAnswer> {
  const texts = new ParsedTexts();
  for await (const line of lines) {
    if (!isBlank(line)) yield answerLine(line, texts, now());
  }
}

/** NDJSON as written by hand ends in an empty line, or has some between. */
function isBlank(line: Line): boolean {
  return line !== 'too-long' && line.every(octet => octet === 0x20 || octet === 0x09 || octet === 0x0d);
}

function answerLine(line: Line, texts: ParsedTexts, now: number): BatchAnswer {
  let id: RequestId = null;
  try {
    if (line === 'too-long') throw new MtlsctlError('too-large', `the line is longer than ${longestLine} octets`);
    const fields = parseFields(line);
    id = parseId(fields);
    const { valid, reasons } = verifyChain(parseRequest(fields, texts, now));
    return { id, valid, reasons: [...new Set(reasons.map(({ code }) => code))] };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { id, error: { code: error.code, message: error.message } };
  }
}
