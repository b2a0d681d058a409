import { resolve } from 'node:path';
import { Argument, Command, CommanderError } from 'commander';
import { type CommandContext, type CommandDefinition, helpFooter, type Outcome } from './commands/command.ts';
import { exitStatusOf, isMtlsctlError, MtlsctlError } from './errors.ts';
import { printable } from './printable.ts';
import { printableJson } from './printable-json.ts';
import type { System } from './system.ts';

declare const MTLSCTL_VERSION: string;

interface CommandEntry {
  readonly summary: string;
  load(): Promise<{ readonly command: CommandDefinition }>;
}

/** The commands, in the order in which `--help` lists them. A command is loaded when it is named. */
const commands: Readonly<Record<string, CommandEntry>> = {
  'init-root': { summary: 'create a root CA', load: () => import('./commands/init-root.ts') },
  'issue-intermediate': {
    summary: 'create or sign an intermediate CA',
    load: () => import('./commands/issue-intermediate.ts'),
  },
  enroll: { summary: 'issue and install certificates for services', load: () => import('./commands/enroll.ts') },
  renew: { summary: 'renew what is due, once or as a daemon', load: () => import('./commands/renew.ts') },
  revoke: { summary: 'revoke certificates and publish the CRL', load: () => import('./commands/revoke.ts') },
  crl: { summary: 'sign and publish CRLs', load: () => import('./commands/crl.ts') },
  inspect: { summary: 'show what a file, a directory or a server holds', load: () => import('./commands/inspect.ts') },
  'verify-chain': { summary: 'verify certificate chains', load: () => import('./commands/verify-chain.ts') },
  template: { summary: 'print configuration for servers and timers', load: () => import('./commands/template.ts') },
  status: {
    summary: 'show what expires when, and what is wrong',
    load: () => import('./commands/status.ts'),
  },
  audit: { summary: 'check the ledgers, list what was issued', load: () => import('./commands/audit.ts') },
  completion: { summary: 'print a shell completion script', load: () => import('./commands/completion.ts') },
};

const defaultDirectory = '/etc/link-certs';

/** Runs one command line and returns its exit status (CLI.md). Throws nothing. */
export async function main(system: System): Promise<number> {
  try {
    return await dispatch(system);
  } catch (error) {
    return reportFailure(system, error);
  }
}

async function dispatch(system: System): Promise<number> {
  let status = 0;
  const program = rootCommand(system);
  for (const [name, entry] of Object.entries(commands)) {
    const subcommand = program.command(name).summary(entry.summary);
    // Only what the command line names is loaded, the rest is a line in the list; completion knows the flags of all.
    if (!system.args.includes(name) && !system.args.includes('completion')) continue;
    const { command } = await entry.load();
    configure(
      subcommand,
      command,
      async (context, operands, options) => {
        status = await printOutcome(context, await command.run(context, operands, options));
      },
      system,
    );
  }
  try {
    await program.parseAsync([...system.args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageError(error, system.args);
  }
  return status;
}

function rootCommand(system: System): Command {
  return new Command('mtlsctl')
    .description('A private PKI for mutual TLS, on plain files')
    .version(MTLSCTL_VERSION, '-V, --version')
    .option('--dir <path>', `the PKI directory (env: MTLSCTL_DIR, default: ${defaultDirectory})`)
    .option('--json', 'print one JSON document on stdout')
    .option('--quiet', 'say nothing but warnings and errors on stderr')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .option('--yes', 'answer yes to every question')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true, sortOptions: false })
    .configureOutput({
      writeOut: text => {
        system.stdout.write(text);
      },
      writeErr: () => undefined,
    })
    .exitOverride();
}

type Action = (
  context: CommandContext,
  operands: readonly string[],
  options: Readonly<Record<string, unknown>>,
) => Promise<void>;

function configure(subcommand: Command, definition: CommandDefinition, action: Action, system: System): void {
  subcommand.description(inParagraphs(definition.description));
  for (const [spelling, description, choices = []] of definition.operands) {
    const argument = new Argument(spelling, description);
    // The command judges them itself.
    if (choices.length > 0) argument.choices(choices).argParser(text => text);
    subcommand.addArgument(argument);
  }
  definition.configure(subcommand);
  leaveOperandsToCommand(subcommand);
  subcommand.addHelpText('after', helpFooter(definition));
  subcommand.action(async () => {
    const options = subcommand.optsWithGlobals();
    const operands = subcommand.args;
    refuseEmpty(subcommand, operands);
    await action(commandContext(system, options, subcommand.parent ?? subcommand), operands, options);
  });
}

/** An unset variable in a script must not pass for the working directory, or for a file that is not there. Throws `usage`. */
function refuseEmpty(subcommand: Command, operands: readonly string[]): void {
  const option = subcommand.options.find(each =>
    [subcommand.getOptionValue(each.attributeName()) as unknown].flat().includes(''),
  );
  const what = operands.includes('') ? 'an argument' : option && `the value of ${option.long ?? option.flags}`;
  if (what === undefined) return;
  throw new MtlsctlError('usage', `${what} is empty`, { hints: ['see whether a variable in it is set'] });
}

/** A single line break is the source's, for --help breaks lines as wide as the terminal is; an indented line stays one of its own. */
function inParagraphs(text: string): string {
  return text.replace(/(?<!\n)\n(?![\n ])/g, ' ');
}

/** A command asks for the operand that is missing, where there is somebody to ask; its usage shows all the same that it must be there. */
function leaveOperandsToCommand(subcommand: Command): void {
  subcommand.usage(subcommand.usage());
  for (const argument of subcommand.registeredArguments) argument.required = false;
}

function commandContext(system: System, options: Readonly<Record<string, unknown>>, program: Command): CommandContext {
  const asked = (options['dir'] as string | undefined) ?? (system.env['MTLSCTL_DIR'] || undefined) ?? defaultDirectory;
  // An unset variable in a script must not make the working directory the PKI directory.
  if (asked === '') throw new MtlsctlError('usage', '--dir is given an empty path');
  let stdinIsRead = false;
  const quiet = options['quiet'] === true;
  const say = (text: string): void => {
    system.stderr.write(`mtlsctl: ${printable(text)}\n`);
  };
  return {
    system,
    program,
    directory: resolve(system.workingDirectory, asked),
    json: options['json'] === true,
    quiet,
    yes: options['yes'] === true,
    readStdin: limit => {
      if (stdinIsRead) throw new MtlsctlError('usage', "standard input can be read once: '-' is given twice");
      stdinIsRead = true;
      return system.readStdin(limit);
    },
    note: text => {
      if (!quiet) say(text);
    },
    warn: text => {
      say(`warning: ${text}`);
    },
    emit: document => {
      system.stdout.write(`${printableJson(document)}\n`);
    },
  };
}

async function printOutcome(context: CommandContext, outcome: Outcome | undefined): Promise<number> {
  if (outcome === undefined) return 0;
  const { stdout } = context.system;
  if (context.json && outcome.isEmitted === true) return outcome.status ?? 0;
  if (context.json) stdout.end(`${printableJson(outcome.document, 2)}\n`);
  else stdout.end(await outcome.text(await context.system.painter()));
  return outcome.status ?? 0;
}

/** Commander's own words in our form: no prefix, no capital, no full stop, one line, and a hint. */
function usageError(error: CommanderError, args: readonly string[]): MtlsctlError {
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\. Expected (\d+) arguments? but got (\d+)\.$/, ': $1 expected, $2 given')
    .replace(/\. Allowed choices are /, '; allowed are ')
    .replace(/\n/g, ' ')
    .replace(/\.$/, '');
  const empty = error.code === 'commander.help';
  return new MtlsctlError('usage', empty ? 'no command is given' : message, { hints: [helpHint(args)], cause: error });
}

function helpHint(args: readonly string[]): string {
  const named = args.find(arg => Object.hasOwn(commands, arg));
  return `run '${named === undefined ? 'mtlsctl' : `mtlsctl ${named}`} --help'`;
}

/** What to do about a failure whose place of origin could not say. */
function hintsFor(error: MtlsctlError, args: readonly string[]): readonly string[] {
  if (error.hints.length > 0) return error.hints;
  const { file, line } = error.details;
  if (error.code === 'config-invalid' && typeof file === 'string')
    return [`edit ${file}${typeof line === 'number' ? `, line ${line}` : ''}`];
  return typeof file === 'string' ? [`run 'mtlsctl inspect ${file}'`] : [helpHint(args)];
}

function reportFailure(system: System, error: unknown): number {
  const known = isMtlsctlError(error) ? error : undefined;
  const code = known?.code ?? 'bug';
  const message = known?.message ?? (error instanceof Error ? error.message : String(error));
  const hints =
    known !== undefined
      ? hintsFor(known, system.args)
      : [`this is a bug in mtlsctl ${MTLSCTL_VERSION}: report it with the stack above (README, 'Reporting a bug')`];
  if (system.args.includes('--json')) {
    const details = known?.details ?? {};
    system.stdout.end(`${printableJson({ error: { code, message, hints, details } })}\n`);
  } else {
    system.stderr.write(`mtlsctl: error: ${printable(message)} [${code}]\n`);
  }
  if (known === undefined && error instanceof Error) system.stderr.write(`${printableStack(error)}\n`);
  if (!system.args.includes('--json')) {
    for (const hint of hints) system.stderr.write(`mtlsctl: hint: ${printable(hint)}\n`);
  }
  return exitStatusOf(error);
}

function printableStack(error: Error): string {
  return (error.stack ?? '').split('\n').map(printable).join('\n');
}

export { commands };
