import type { Command } from 'commander';
import type { Paint, System } from '../system.ts';

/** What every command gets: the world, and the flags that all commands share (CLI.md, "Everywhere"). */
export interface CommandContext {
  readonly system: System;
  /** The whole command line as commander knows it. */
  readonly program: Command;
  /** The PKI directory, absolute. */
  readonly directory: string;
  readonly json: boolean;
  readonly quiet: boolean;
  /** `--yes`: every question is answered yes. */
  readonly yes: boolean;
  /** Reads stdin to its end, at most `limit` octets. Throws `usage` the second time: two flags can't share it. */
  readStdin(limit: number): Promise<Uint8Array>;
  /** Says something to the person on stderr, as `mtlsctl: …`; silent with `--quiet`. */
  note(text: string): void;
  /** As note, as `mtlsctl: warning: …`, also with `--quiet`. */
  warn(text: string): void;
  /** Writes one JSON document as a line of its own to stdout at once (NDJSON). */
  emit(document: object): void;
}

/** What a command has to say: one document, and the text made from it. */
export interface Outcome {
  readonly document: object;
  /** With `--json`: whether it has been emitted in lines already. */
  readonly isEmitted?: boolean;
  /** The exit status; 0 where absent. */
  readonly status?: number;
  /** The same for a person, ending in a newline; empty to print nothing. */
  text(paint: Paint): string | Promise<string>;
}

export interface CommandDefinition {
  readonly name: string;
  /** The positional arguments as commander spells them: `<service...>`, `[name]`. */
  readonly operands: readonly (readonly [spelling: string, description: string, choices?: readonly string[]])[];
  /** What stands under the usage line of `--help`: paragraphs with an empty line between, lines that are indented. */
  readonly description: string;
  readonly examples: readonly string[];
  /** The exit statuses that the command can end with besides 2 and 70, which any can. */
  readonly exitStatuses: readonly number[];
  configure(command: Command): void;
  /** Returns undefined where everything has been emitted already. */
  run(context: CommandContext, operands: readonly string[], options: OptionValues): Promise<Outcome | undefined>;
}

/** What commander has parsed: each value is what the option's parser returned. */
export type OptionValues = Readonly<Record<string, unknown>>;

/** What the exit statuses mean (CLI.md). */
export const exitStatusMeanings: Readonly<Record<number, string>> = {
  0: 'done, valid, or nothing to do',
  1: 'the check says no',
  2: 'usage: unknown flag, missing argument, bad value, flags that exclude each other',
  3: 'the input or the PKI directory is missing, unreadable or malformed',
  4: "refused: would overwrite, forbidden by policy or profile, outside the issuer's constraints",
  5: "a key can't be used: passphrase wrong or missing, key does not match",
  6: "the CA can't be reached, and what is installed is still valid",
  7: 'installed, but the hook failed',
  8: 'some done, some failed',
  9: 'another process holds the lock',
  70: 'a bug in mtlsctl',
};

/** The examples and exit statuses that stand under a command's `--help`. */
export function helpFooter(definition: CommandDefinition): string {
  const examples = definition.examples.map(example => `  $ ${example}`).join('\n');
  const statuses = [...new Set([...definition.exitStatuses, 2, 70])]
    .sort((a, b) => a - b)
    .map(status => `  ${String(status).padEnd(3)}${exitStatusMeanings[status] ?? ''}`)
    .join('\n');
  return `\nExamples:\n${examples}\n\nExit status:\n${statuses}\n`;
}

/** A parser for options that may be repeated: parses each value and gathers them in order. */
export function gather<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}
