/** One typed command of a session file, with what must come of it. */
export interface Step {
  /** In the session file, from 1. */
  readonly line: number;
  /** As typed, before words are split and variables put in. */
  readonly command: string;
  /** Lines of a file to write (`|`). */
  readonly content: readonly string[];
  /** Lines on stdin (`<`). */
  readonly stdin: readonly string[];
  /** Present where there is a terminal (`:`): what is asked and answered. */
  readonly answers: readonly (readonly [question: string, answer: string])[] | undefined;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly status: number;
  /** The lines of the file that belong to it: from its own to the last of what is expected of it. */
  readonly lastLine: number;
}

/** A setting that holds from here on: `@now 2026-11-22T14:05:01Z`, `@on offline`, `@env NAME=value`, `@unprivileged`. */
export interface Setting {
  readonly line: number;
  readonly setting: string;
  readonly value: string;
}

export type SessionItem = Step | Setting;

/** Reads a session file; its format stands in README.md beside. Throws with the line's number. */
export function parseSession(text: string): readonly SessionItem[] {
  const items: SessionItem[] = [];
  let step: MutableStep | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    const mark = raw.slice(0, 1);
    const rest = raw.slice(2);
    if (raw.trim() === '' || mark === '#') continue;
    if (mark === '@') {
      const [setting = '', ...value] = raw.slice(1).split(' ');
      items.push({ line, setting, value: value.join(' ').trim() });
    } else if (mark === '$') {
      step = newStep(line, rest);
      items.push(step);
    } else {
      if (step === undefined) throw new Error(`line ${line}: nothing has been typed yet`);
      addLine(step, mark, rest, line);
    }
  }
  return items;
}

type MutableStep = { -readonly [Key in keyof Step]: Step[Key] extends readonly string[] ? string[] : Step[Key] };

function newStep(line: number, command: string): MutableStep {
  return {
    ...{ line, lastLine: line, command, status: 0, answers: undefined },
    ...{ content: [], stdin: [], stdout: [], stderr: [] },
  };
}

function addLine(step: MutableStep, mark: string, rest: string, line: number): void {
  step.lastLine = line;
  const lists: Readonly<Record<string, string[]>> = {
    '>': step.stdout,
    '!': step.stderr,
    '<': step.stdin,
    '|': step.content,
  };
  if (mark === '?') step.status = Number(rest);
  else if (mark === ':') step.answers = [...(step.answers ?? []), ...questionAndAnswer(rest)];
  else if (mark in lists) lists[mark]?.push(rest);
  else throw new Error(`line ${line}: begins with none of # @ $ < | : > ! ?`);
}

/** `question => answer`; nothing at all stands for a terminal on which nothing is asked. */
function questionAndAnswer(rest: string): readonly (readonly [string, string])[] {
  if (rest.trim() === '') return [];
  const [question = '', answer = ''] = rest.split(/ =>(?: |$)/);
  return [[question, answer]];
}

export type Variables = ReadonlyMap<string, string>;

/**
 * Splits a command into words as a shell would: '…' as it is, $'…' with the escapes \n \t \\ \' \0 \xHH, "…" and bare words with ${name}
 * put in; ${x*300} is x three hundred times.
 */
export function splitWords(command: string, variables: Variables): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  const token = /\s+|\$'((?:[^'\\]|\\.)*)'|'([^']*)'|"([^"]*)"|\$\{[^}]*\}|[^\s'"$]+|\$/gy;
  for (const match of command.matchAll(token)) {
    const [all, escaped, single, double] = match;
    if (/^\s/.test(all)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      const part = escaped !== undefined ? unescape(escaped) : (single ?? substitute(double ?? all, variables));
      word = (word ?? '') + part;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Puts in the values of ${name}. Throws where there is none of that name. */
export function substitute(text: string, variables: Variables): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const repeated = /^(.)\*(\d+)$/.exec(name);
    if (repeated) return (repeated[1] ?? '').repeat(Number(repeated[2]));
    const value = variables.get(name);
    if (value === undefined) throw new Error(`there is no \${${name}}`);
    return value;
  });
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', e: '\u001b' };

function unescape(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (escapes[character ?? ''] ?? character ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
