import { type Command, Option } from 'commander';
import { MtlsctlError } from '../errors.ts';
import {
  type Answer,
  documentOf,
  type Format,
  formats,
  inspectTargets,
  pemOf,
  render,
  statusOf,
} from '../inspect/report.ts';
import { printable } from '../printable.ts';
import type { CommandContext, CommandDefinition, OptionValues } from './command.ts';

/** How many entries of a CRL are listed without --all. */
const listed = { text: 100, other: 1000 } as const;

export const command: CommandDefinition = {
  name: 'inspect',
  operands: [['<target...>', 'a file (PEM or DER), - for stdin, a directory, or host:port']],
  description:
    'Says what a file, a directory or a server holds: certificates, chains, requests, CRLs, keys (their public part only). ' +
    'Nothing is verified. A server is asked over TLS from the first octet (no STARTTLS) for its whole chain as it sends it. ' +
    `Of a CRL's entries text shows ${listed.text} and JSON ${listed.other}.`,
  examples: [
    'mtlsctl inspect cert.pem',
    'mtlsctl inspect --short chain.pem',
    'mtlsctl inspect localhost:8443',
    "mtlsctl inspect --json cert.pem | jq -r '.[0].notAfter'",
    'mtlsctl inspect /etc/link-certs',
  ],
  exitStatuses: [0, 3, 8],
  configure(subcommand: Command) {
    subcommand
      .addOption(new Option('--format <format>', 'text, json (as --json), yaml or pem').choices(formats))
      .option('--short', 'a few lines each')
      .option('--all', 'every entry of a CRL')
      .option('--servername <name>', 'ask a server for the certificate of this name (default: its host)');
  },
  async run(context, operands, options) {
    const format = formatOf(context, options);
    const targets = operands.length > 0 ? operands : [await askForTarget(context)];
    const short = options['short'] === true;
    const entries = options['all'] === true ? Infinity : format === 'text' ? listed.text : listed.other;
    const servername = options['servername'] as string | undefined;
    const { host } = context.system;
    const view = { now: context.system.now(), host, entries, servername };
    const answers = await inspectTargets(targets, context.system, view);
    refuseNothing(answers);
    if (format === 'text' || format === 'pem') sayWhatFailed(answers, context);
    const document = documentOf(answers, short);
    return {
      document,
      status: statusOf(answers),
      text: paint =>
        format === 'pem' ? pemOf(answers) : render(answers, document, { format, short, paint, system: context.system }),
    };
  },
};

/** What it takes to ask is loaded only then. */
async function askForTarget(context: CommandContext): Promise<string> {
  const { askFor, missingOperand, parseGiven } = await import('./ask.ts');
  return askFor(context, {
    question: 'a file, a directory or host:port',
    parse: parseGiven,
    refusal: () => missingOperand('target'),
  });
}

function formatOf(context: CommandContext, options: OptionValues): Format {
  const asked = options['format'] as Format | undefined;
  if (!context.json) return asked ?? 'text';
  if (asked !== undefined && asked !== 'json')
    throw new MtlsctlError('usage', `--json and --format ${asked} exclude each other`);
  return 'json';
}

/** A single target of which nothing was found out is a failure of the command, as everywhere. */
function refuseNothing([only, ...others]: readonly Answer[]): void {
  const [error] = only?.errors ?? [];
  if (others.length === 0 && only?.found === undefined && error !== undefined) throw error;
}

/** What stands in the objects themselves in JSON. */
function sayWhatFailed(answers: readonly Answer[], context: CommandContext): void {
  for (const { found, errors } of answers) {
    for (const { message, code, hints } of errors) {
      const lines = [`error: ${printable(message)} [${code}]`, ...hints.map(hint => `hint: ${printable(hint)}`)];
      for (const line of lines) context.system.stderr.write(`mtlsctl: ${line}\n`);
    }
    for (const note of found?.notes ?? []) context.note(note);
  }
}
