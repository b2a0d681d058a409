/** A line without its newline, or the fact that there was one that is too long to be held. */
export type Line = Uint8Array | 'too-long';

/**
 * Cuts a stream of octets into lines, each as soon as its newline is there; the last may lack it. Of a line with more than `limit` octets
 * nothing is kept, and the next one is whole again.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Line> {
  const begun = new UnfinishedLine(limit);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      begun.add(chunk.subarray(start, end));
      // Neither the parts of a long line nor the line itself are to be held from here while it is worked on.
      yield begun.take();
      start = end + 1;
    }
    begun.add(chunk.subarray(start));
  }
  if (!begun.isEmpty) yield begun.take();
}

const newline = 0x0a;

class UnfinishedLine {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#limit) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  /** Begins the next line. */
  take(): Line {
    const parts = this.#parts;
    const isTooLong = this.#length > this.#limit;
    this.#parts = [];
    this.#length = 0;
    if (isTooLong) return 'too-long';
    const [first] = parts;
    return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  }
}
