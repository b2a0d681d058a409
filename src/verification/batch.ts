import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Line } from '../lines.ts';
import { verifyChain } from '../path/verify.ts';
import type { ReasonCode } from '../path/reasons.ts';
import { parseFields, parseId, parseRequest, type RequestId } from './batch-request.ts';
import { ParsedTexts } from './parsed-texts.ts';

/** Octets. A pool of 10,000 certificates takes some 25 MB, a CRL of a million entries with their reasons 75 MB. */
export const longestLine = 80 * 1024 * 1024;

/** What a line is answered with: judged, or why it can't be. CLI.md, `--batch`. */
export type BatchAnswer =
  | { readonly id: RequestId; readonly valid: boolean; readonly reasons: readonly ReasonCode[] }
  | { readonly id: RequestId; readonly error: { readonly code: string; readonly message: string } };

/** Octets of a line whose garbage is not to wait for its collector: it would stand beside that of the next one. */
const heavyLine = 4 * 1024 * 1024;

/**
 * Gives one answer to each line that is not empty, in their order, each before the next line is waited for. `now` is asked for every line;
 * `collectGarbage` is called around long lines.
 */
export async function* answerLines(
  lines: AsyncIterable<Line>,
  now: () => number,
  collectGarbage: () => void = () => undefined,
): AsyncGenerator<BatchAnswer> {
  const texts = new ParsedTexts(collectGarbage);
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const step = await answerNext(iterator, texts, now);
    if (step === 'end') return;
    if (step.answer !== undefined) yield step.answer;
    if (step.octets >= heavyLine) collectGarbage();
  }
}

/** A function of its own, so that nothing holds a line once it is answered. No answer to a blank line. */
async function answerNext(
  lines: AsyncIterator<Line>,
  texts: ParsedTexts,
  now: () => number,
): Promise<'end' | { readonly answer: BatchAnswer | undefined; readonly octets: number }> {
  const next = await lines.next();
  if (next.done === true) return 'end';
  const line = next.value;
  return { answer: isBlank(line) ? undefined : answerLine(line, texts, now()), octets: line.length };
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
