import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, splitLines } from '../src/lines.ts';

async function* chunks(parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    await Promise.resolve();
    yield Buffer.from(part);
  }
}

async function linesOf(parts: readonly string[], limit = 1000): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(chunks(parts), limit)) lines.push(textOf(line));
  return lines;
}

const textOf = (line: Line): string => (line === 'too-long' ? '(too long)' : Buffer.from(line).toString());

describe('splitLines', () => {
  it.each([
    [[], []],
    [['a\nb\n'], ['a', 'b']],
    [['a\nb'], ['a', 'b']],
    [
      ['a', 'b\nc', '\n'],
      ['ab', 'c'],
    ],
    [['\n\na'], ['', '', 'a']],
  ])('cuts %j into %j', async (parts, lines) => {
    expect(await linesOf(parts)).toEqual(lines);
  });

  it('keeps nothing of a line that is too long, and the next one is whole', async () => {
    expect(await linesOf(['1234\n12345\n', '123', '456', '789\n1234\n12345'], 4)).toEqual([
      ...['1234', '(too long)', '(too long)', '1234', '(too long)'],
    ]);
  });

  it('gives each line before the next chunk is asked for', async () => {
    let given = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks(['a\n', 'b\n'])) {
        given += 1;
        yield chunk;
      }
    }
    const lines = splitLines(counted(), 10);
    await lines.next();
    expect(given).toBe(1);
  });

  it('gives the same lines however the text is cut', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', ' ') });
    await fc.assert(
      fc.asyncProperty(fc.array(text), async parts => {
        const whole = parts.join('').split('\n');
        expect(await linesOf(parts)).toEqual(whole.at(-1) === '' ? whole.slice(0, -1) : whole);
      }),
    );
  });
});
