import type { Command } from 'commander';
import { MtlsctlError } from '../errors.ts';
import { parseDuration, parseHook, parseServiceName } from '../options.ts';
import { chooseFrom } from './ask.ts';
import type { CommandContext, CommandDefinition, OptionValues, Outcome } from './command.ts';

export const command: CommandDefinition = {
  name: 'renew',
  operands: [['[service...]', 'the services (default: all)']],
  description: `Renews what is due: new key, new certificate, swapped at one instant, then the hook. A certificate is due when two thirds of its life have passed
(renewAt of the profile, up to a twentieth of the life earlier, by service and host), or at once when it or its issuer is revoked, when names, key type, purposes
or authority differ from what service.yaml and the profile say, when certificate and key do not match, or when a file is missing or damaged.

What a crash or a failure left is gone on with: a certificate that was issued is put in force, a hook that failed is run again without a new certificate.`,
  examples: [
    'mtlsctl renew',
    'mtlsctl renew user-svc --force --hook "systemctl reload user-svc"',
    'mtlsctl renew --check && echo something is due',
    'mtlsctl renew --dry-run --json',
    'mtlsctl renew user-svc --rollback',
    'mtlsctl renew --daemon --once --metrics-file /var/lib/node_exporter/mtlsctl.prom',
    'mtlsctl renew --daemon --interval 15m',
  ],
  exitStatuses: [0, 1, 3, 4, 5, 6, 7, 8, 9],
  configure(command: Command) {
    command
      .option('--force', 'a new certificate for each, due or not')
      .option('--check', 'do nothing; status 0 when something is due, 1 when nothing is')
      .option('--dry-run', 'do nothing; say what would be renewed, and why')
      .option('--reuse-key', 'the new certificate is for the key that is there')
      .option('--hook <command>', "what is run (sh -c) instead of the service's hook", text =>
        parseHook(text, '--hook'),
      )
      .option('--rollback', 'put the certificate and key before the last renewal back in force')
      .option('--ca-passphrase-file <path>', "the passphrase of the authority's key; - is stdin")
      .option('--passphrase-file <path>', 'the passphrase of the keys of services, where they are encrypted')
      .option('--daemon', 'unattended: no questions, one line a decision on stderr, stays until SIGTERM')
      .option('--once', 'with --daemon: one look only, for a timer')
      .option('--interval <duration>', 'with --daemon: from one look to the next (default: 15m)', text =>
        parseDuration(text, '--interval'),
      )
      .option(
        '--metrics-file <path>',
        'writes what status --format prometheus prints to a file, replaced at one instant',
      );
  },
  async run(context, operands, options) {
    const services = [...new Set(operands.map(name => parseServiceName(name)))];
    const mode = modeOf(options);
    if (mode === 'rollback' && services.length === 0) services.push(await chooseService(context));
    const { renewalModes } = await import('./renew-modes.ts');
    return renewalModes[mode](context, services, options);
  },
};

export type RenewalMode = 'check' | 'daemon' | 'dryRun' | 'renew' | 'rollback';

/** Which flags go together. What is not named goes with every mode. */
const allowed: Readonly<Record<string, readonly RenewalMode[]>> = {
  force: ['dryRun', 'renew'],
  check: ['check'],
  dryRun: ['dryRun'],
  reuseKey: ['daemon', 'dryRun', 'renew'],
  hook: ['daemon', 'renew', 'rollback'],
  rollback: ['rollback'],
  caPassphraseFile: ['daemon', 'renew'],
  passphraseFile: ['daemon', 'renew'],
  daemon: ['daemon'],
  once: ['daemon'],
  interval: ['daemon'],
  metricsFile: ['daemon', 'renew'],
};

const flagOf: Readonly<Record<RenewalMode, string>> = {
  check: 'with --check',
  daemon: 'with --daemon',
  dryRun: 'with --dry-run',
  renew: 'without --daemon',
  rollback: 'with --rollback',
};

function modeOf(options: OptionValues): RenewalMode {
  const modes = (['check', 'daemon', 'dryRun', 'rollback'] as const).filter(mode => options[mode] === true);
  const [mode = 'renew', other] = modes;
  if (other !== undefined)
    throw new MtlsctlError('usage', `${flagName(mode)} and ${flagName(other)} exclude each other`);
  const stray = Object.keys(allowed).find(key => options[key] !== undefined && !allowed[key]?.includes(mode));
  if (stray !== undefined) throw new MtlsctlError('usage', `${flagName(stray)} has no effect ${flagOf[mode]}`);
  if (options['once'] === true && options['interval'] !== undefined)
    throw new MtlsctlError('usage', '--once and --interval exclude each other');
  return mode;
}

function chooseService(context: CommandContext): Promise<string> {
  return chooseFrom(context, {
    question: 'which service is to have its certificate of before?',
    choices: async () => (await import('../verification/targets.ts')).serviceNames(context.directory),
    refusal: () =>
      new MtlsctlError('usage', '--rollback wants services to be named', {
        hints: ['mtlsctl renew <service> --rollback'],
      }),
  });
}

function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

export type ModeRunner = (
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
) => Promise<Outcome | undefined>;
