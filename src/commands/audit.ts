import { type Command, Option } from 'commander';
import { exportEvents } from '../audit/export.ts';
import { type ListFilter, type ListOrder } from '../audit/list.ts';
import { type ListFormat, printList } from '../audit/list-output.ts';
import { auditDocument, auditText } from '../audit/report.ts';
import { type Audit, auditableAuthorities, auditAuthority } from '../audit/run.ts';
import { loadAuthority } from '../authority/authority.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import {
  parseAuthorityName,
  parseCount,
  parseDuration,
  parseInstant,
  parseSerial,
  parseServiceName,
} from '../options.ts';
import { chooseFrom } from './ask.ts';
import type { CommandContext, CommandDefinition, OptionValues, Outcome } from './command.ts';

export const command: CommandDefinition = {
  name: 'audit',
  operands: [['[authority...]', 'the authorities (default: every one here)']],
  description: `Checks the ledgers of authorities, and that all else agrees with them: the chain of hashes and each line's own; every certificate's signature, and that it
is what its line says; no serial number twice; the numbers of the CRLs; the CRL in force, in all its places, against what is revoked; the certificates
installed here. Every finding names its line, if it has one, and what to do. Changes nothing, and may run beside all other commands.

With --list it prints the certificates that were issued; with --export the events, one JSON object a line, for a log collector.`,
  examples: [
    'mtlsctl audit',
    "mtlsctl audit site-a --json | jq '.authorities[].findings'",
    'mtlsctl audit --list --service user-svc',
    'mtlsctl audit --list --expiring-before 14d --format csv > expiring.csv',
    'mtlsctl audit site-a --export --since-seq 1200 >> events.ndjson',
  ],
  exitStatuses: [0, 1, 3],
  configure(subcommand: Command) {
    subcommand
      .option('--list', 'print the certificates that were issued, the newest last')
      .option('--service <service>', 'list those of this service', text => parseServiceName(text, '--service'))
      .option('--serial <hex>', 'list the one with this serial number', text => parseSerial(text, '--serial'))
      .option('--revoked', 'list those that are revoked or on hold')
      .option('--expiring-before <instant>', 'list those that end before: an instant, or a duration from now', text =>
        parseWhen(text, '--expiring-before'),
      )
      .option('--issued-since <instant>', 'list those issued since: an instant, or a duration until now', text =>
        parseWhen(text, '--issued-since'),
      )
      .addOption(new Option('--format <format>', 'of the list: table, csv or json (as --json)').choices(listFormats))
      .addOption(new Option('--export', 'print the events, one JSON object a line').conflicts(['list', ...listOnly]))
      .option('--since-seq <n>', 'export what follows this line of the ledger; with one authority', text =>
        parseCount(text, '--since-seq', { minimum: 0, maximum: 999_999_999 }),
      )
      .option('--with-certificates', 'export the certificates too, not only their fingerprints');
  },
  async run(context, operands, options) {
    const names = operands.map(name => parseAuthorityName(name));
    refuseStray(options);
    const authorities = names.length > 0 ? names : await auditableAuthorities(context.directory);
    if (options['list'] === true) return list(context, authorities, options);
    if (options['export'] === true) return exportAll(context, authorities, options);
    return audit(context, authorities);
  },
};

const listFormats = ['table', 'csv', 'json'] as const;
const listOnly = ['service', 'serial', 'revoked', 'expiringBefore', 'issuedSince', 'format'];
const exportOnly = ['sinceSeq', 'withCertificates'];

function refuseStray(options: OptionValues): void {
  const stray = (names: readonly string[]): string | undefined => names.find(name => options[name] !== undefined);
  const flag = (name: string): string => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
  const [ofList, ofExport] = [stray(listOnly), stray(exportOnly)];
  if (ofList !== undefined && options['list'] !== true)
    throw new MtlsctlError('usage', `${flag(ofList)} is for --list`, { hints: ['add --list'] });
  if (ofExport !== undefined && options['export'] !== true)
    throw new MtlsctlError('usage', `${flag(ofExport)} is for --export`, { hints: ['add --export'] });
}

/** An instant, or the length of time between it and now. */
type When = { readonly instant: number } | { readonly duration: number };

function parseWhen(text: string, option: string): When {
  return /^\d{4}-/.test(text) ? { instant: parseInstant(text, option) } : { duration: parseDuration(text, option) };
}

async function audit(context: CommandContext, authorities: readonly string[]): Promise<Outcome> {
  const { directory, system } = context;
  const threads = () => system.threads?.() ?? Promise.resolve(undefined);
  const audits: Audit[] = [];
  const failures: { readonly authority: string; readonly error: MtlsctlError }[] = [];
  for (const name of authorities) {
    try {
      audits.push(await auditAuthority({ directory, now: system.now(), threads }, name));
    } catch (error) {
      if (!isMtlsctlError(error) || authorities.length === 1) throw error;
      failures.push({ authority: name, error });
    }
  }
  const errors = failures.map(({ authority, error: { code, message, hints } }) => ({
    authority,
    sound: false,
    error: { code, message, hints },
  }));
  if (!context.json)
    for (const { authority, error } of errors) context.warn(`${authority}: ${error.message} [${error.code}]`);
  return {
    document: { schema: 'mtlsctl/audit/v1', authorities: [...audits.map(auditDocument), ...errors] },
    status: failures.length > 0 ? 3 : audits.some(({ findings }) => findings.count > 0) ? 1 : 0,
    text: paint => audits.map(each => auditText(each, paint)).join(''),
  };
}

async function list(
  context: CommandContext,
  authorities: readonly string[],
  options: OptionValues,
): Promise<Outcome | undefined> {
  const now = context.system.now();
  const at = (option: string, direction: 1 | -1): number | undefined => {
    const when = options[option] as When | undefined;
    if (when === undefined) return undefined;
    return 'instant' in when ? when.instant : now + direction * when.duration;
  };
  const filter: ListFilter = {
    service: options['service'] as string | undefined,
    serial: options['serial'] as string | undefined,
    revoked: options['revoked'] === true,
    expiringBefore: at('expiringBefore', 1),
    issuedSince: at('issuedSince', -1),
  };
  for (const name of authorities) await loadAuthority(context.directory, name);
  const order: ListOrder = { directory: context.directory, authorities, filter, now };
  await printList(order, listFormat(context, options), context);
  return undefined;
}

function listFormat(context: CommandContext, options: OptionValues): ListFormat {
  const asked = options['format'] as ListFormat | undefined;
  if (context.json && asked !== undefined && asked !== 'json')
    throw new MtlsctlError('usage', `--json and --format ${asked} exclude each other`);
  return context.json ? 'json' : (asked ?? 'table');
}

function chooseLedger(context: CommandContext, authorities: readonly string[], sinceSeq: number): Promise<string> {
  return chooseFrom(context, {
    question: "of which authority's ledger?",
    choices: () => authorities,
    refusal: () =>
      new MtlsctlError('usage', '--since-seq counts the lines of one ledger, and there are several', {
        hints: authorities.map(name => `mtlsctl audit ${name} --export --since-seq ${sinceSeq}`),
      }),
  });
}

async function exportAll(
  context: CommandContext,
  authorities: readonly string[],
  options: OptionValues,
): Promise<Outcome | undefined> {
  const sinceSeq = options['sinceSeq'] as number | undefined;
  const chosen =
    sinceSeq !== undefined && authorities.length > 1
      ? [await chooseLedger(context, authorities, sinceSeq)]
      : authorities;
  for (const authority of chosen) {
    const { paths } = await loadAuthority(context.directory, authority);
    const withCertificates = options['withCertificates'] === true;
    for (const event of exportEvents({ authority, ledger: paths.ledger, sinceSeq: sinceSeq ?? 0, withCertificates })) {
      context.emit(event);
      await context.system.stdout.drained();
    }
  }
  return undefined;
}
