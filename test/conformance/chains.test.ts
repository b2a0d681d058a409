import { expect, test } from 'vitest';
import { splitLines } from '../../src/lines.ts';
import { answerLines, longestLine } from '../../src/verification/batch.ts';
import { assess } from './assessment.ts';
import { type Answer, casesArePresent, parseCases, requestLines } from './cases.ts';
import { recorded } from './recorded.ts';

/** Cases without a time are valid for centuries. */
const someTime = Date.UTC(2026, 10, 22);

/** As program.test.ts, but in this process: nothing needs to be built. */
test.skipIf(!casesArePresent)(
  'answers x509-limbo, BetterTLS and PKITS as recorded, for the recorded reasons',
  async () => {
    const requests = requestLines();
    const answers: Answer[] = [];
    const lines = splitLines(once(Buffer.from(requests)), longestLine);
    for await (const answer of answerLines(lines, () => someTime)) answers.push(answer as Answer);
    const { classes, unexplained, otherReasons } = assess(parseCases(requests), answers);
    expect(unexplained).toEqual([]);
    expect(otherReasons).toEqual([]);
    for (const [name, least] of Object.entries(recorded)) {
      expect(classes[name]?.valid.right, name).toBeGreaterThanOrEqual(least.valid);
      expect(classes[name]?.invalid.right, name).toBeGreaterThanOrEqual(least.invalid);
    }
  },
);

async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield chunk;
}
