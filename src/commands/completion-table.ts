import type { Argument, Command, Option } from 'commander';

/** What the scripts look up when they are asked: names in the PKI directory, and files. */
export type Source = 'authorities' | 'directories' | 'files' | 'services';

/** What stands at a place of the command line; nothing where both are empty. */
export interface Values {
  readonly choices: readonly string[];
  readonly sources: readonly Source[];
}

export interface CompletableFlag {
  readonly long: string;
  readonly description: string;
  /** Undefined for a flag that takes no value. */
  readonly values: Values | undefined;
}

export interface CompletableCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletableFlag[];
  /** Undefined for a command that takes no operands. */
  readonly operands: (Values & { readonly isVariadic: boolean }) | undefined;
}

export interface CompletionTable {
  /** The flags that may also stand before the command. */
  readonly shared: readonly CompletableFlag[];
  readonly commands: readonly CompletableCommand[];
}

/** What the name of a value says of it: `--issuer <authority>`. */
const sourcesByName: Readonly<Record<string, readonly Source[]>> = {
  authority: ['authorities'],
  cert: ['services', 'files'],
  file: ['files'],
  path: ['files'],
  service: ['services'],
  target: ['files'],
};

/** Where more is meant than the name says. */
const sourcesByPlace: Readonly<Record<string, readonly Source[]>> = {
  ' --dir': ['directories'],
  'issue-intermediate name': ['authorities'],
  'revoke service': ['services', 'authorities'],
  'template --peer': ['services'],
  'verify-chain target': ['services', 'files'],
};

/** Values of which there can be others: profiles of mtlsctl.yaml. */
const usualChoices: Readonly<Record<string, readonly string[]>> = {
  'enroll --profile': ['service', 'server', 'client', 'node'],
};

const help: CompletableFlag = { long: '--help', description: 'display help for command', values: undefined };

export function completionTable(program: Command): CompletionTable {
  const shared = [...program.options.filter(option => option.long !== '--version').map(describeOption('')), help];
  return {
    shared,
    commands: program.commands.map(command => ({
      name: command.name(),
      summary: command.summary(),
      flags: [...command.options.map(describeOption(command.name())), ...shared],
      operands: describeArgument(command.name(), command.registeredArguments[0]),
    })),
  };
}

function describeOption(command: string): (option: Option) => CompletableFlag {
  return ({ long, flags, description, required, argChoices }) => {
    const name = long ?? flags;
    const placeholder = /<([^>]*)>/.exec(flags)?.[1] ?? '';
    return { long: name, description, values: required ? valuesOf(command, name, placeholder, argChoices) : undefined };
  };
}

function describeArgument(command: string, argument: Argument | undefined): CompletableCommand['operands'] {
  if (argument === undefined) return undefined;
  const name = argument.name();
  return { ...valuesOf(command, name, name, argument.argChoices), isVariadic: argument.variadic };
}

function valuesOf(command: string, name: string, placeholder: string, choices: readonly string[] | undefined): Values {
  const place = `${command} ${name}`;
  const known = choices ?? usualChoices[place] ?? [];
  return {
    choices: known,
    sources: known.length > 0 ? [] : (sourcesByPlace[place] ?? sourcesByName[placeholder] ?? []),
  };
}

/** A word for the shell: single quotes, a quote inside written as '\\''. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
