import type { Command } from 'commander';
import { MtlsctlError } from '../errors.ts';
import { keyTypeNames, parseKeyType } from '../keys/key-types.ts';
import {
  keyModeNames,
  outputKinds,
  parseAbsolutePath,
  parseAccount,
  parseAuthorityName,
  parseCount,
  parseDnsName,
  parseDuration,
  parseEmail,
  parseFingerprint,
  parseHook,
  parseIpAddress,
  parseKeyMode,
  parseName,
  parseOutputKind,
  parseServiceName,
  parseUri,
} from '../options.ts';
import { askFor } from './ask.ts';
import { choice } from './choice.ts';
import { type CommandContext, type CommandDefinition, gather, type OptionValues, type Outcome } from './command.ts';
import { enrollFromFile } from './enroll-fleet.ts';
import { enrollNamed } from './enroll-named.ts';
import { installAnswer, makeRequests, signServiceRequest } from './enroll-request.ts';
import { modeOf, refuseStrayFlags, type RequestMode, withRequestAndAnswer } from './modes.ts';

export const command: CommandDefinition = {
  name: 'enroll',
  operands: [['[service...]', 'the services: DNS labels, each a directory of the PKI directory']],
  description: `Issues certificates to services and installs them. A service whose certificate is as asked and not due is left alone. What is not given by a flag
stays as service.yaml has it; a flag that may be repeated says all of its kind, and what is not named again is dropped. As with issue-intermediate, a key need not leave its node: --request there, --csr <file> --out <file> where the authority is,
--install <file> there again.`,
  examples: [
    'mtlsctl enroll user-svc api-gateway',
    'mtlsctl enroll db --dns db.example --ip 10.0.0.5 --key-type rsa-3072 --hook "systemctl reload postgresql"',
    'mtlsctl enroll lb --output combined --owner haproxy --hook "systemctl reload haproxy"',
    'mtlsctl enroll --from fleet.yaml --jobs 4 --json',
    'mtlsctl enroll user-svc --request',
    'mtlsctl enroll user-svc --csr user-svc.csr --out user-svc.pem --yes',
    'mtlsctl enroll user-svc --install user-svc.pem --root ca.pem --fingerprint <sha256>',
  ],
  exitStatuses: [0, 3, 4, 5, 8, 9],
  configure(command: Command) {
    command
      .option('--issuer <authority>', 'the authority that issues (default: the only one whose key is here)', text =>
        parseAuthorityName(text, '--issuer'),
      )
      .option('--profile <name>', 'service, server, client, node, or one of mtlsctl.yaml (default: service)', text =>
        parseName(text, '--profile'),
      )
      .option(
        '--dns <name>',
        'a further DNS name; may be repeated',
        gather(text => parseDnsName(text, '--dns')),
      )
      .option(
        '--ip <address>',
        'a further IP address; may be repeated',
        gather(text => parseIpAddress(text, '--ip')),
      )
      .option(
        '--uri <uri>',
        'a further URI, or another SPIFFE ID; may be repeated',
        gather(text => parseUri(text, '--uri')),
      )
      .option(
        '--email <address>',
        'an e-mail address; may be repeated',
        gather(text => parseEmail(text, '--email')),
      )
      .option('--validity <duration>', 'how long it is valid (default: 90d)', text => parseDuration(text, '--validity'))
      .addOption(choice('--key-type <type>', 'the kind of key (default: ec-p256)', keyTypeNames, parseKeyType))
      .option('--hook <command>', 'what makes the service read its new files, for renewals (sh -c)', text =>
        parseHook(text, '--hook'),
      )
      .option('--owner <user>', 'whose the files with the key are', text => parseAccount(text, '--owner'))
      .option('--group <group>', 'their group', text => parseAccount(text, '--group'))
      .addOption(
        choice('--key-mode <mode>', "the mode of the key's file (default: 0600)", keyModeNames, text =>
          parseKeyMode(text),
        ),
      )
      .addOption(
        choice(
          '--output <kind>',
          'further files: combined for HAProxy, pkcs12 for Java, spiffe as spiffe-helper; may be repeated, and says all: those of before that are not named go',
          outputKinds,
          gather(text => parseOutputKind(text)),
        ),
      )
      .option('--pkcs12-passphrase-file <path>', 'with --output pkcs12: its passphrase, also at each renewal', text =>
        parseAbsolutePath(text, '--pkcs12-passphrase-file'),
      )
      .option('--force', 'a new certificate even where the present one is as asked')
      .option('--from <file>', 'a fleet file (YAML) with many services; - is stdin')
      .option('--jobs <n>', 'with --from: how many at once, each in a thread (default: one for each core)', text =>
        parseCount(text, '--jobs', { minimum: 1, maximum: 64 }),
      )
      .option('--ca-passphrase-file <path>', "the passphrase of the authority's key; - is stdin")
      .option(
        '--passphrase-file <path>',
        'encrypts the keys of the services (default: they are not encrypted); with --install opens the one that waits',
      )
      .option('--no-passphrase', 'store the new keys unencrypted, also those that were encrypted')
      .option('--request', 'make key and request here')
      .option('--csr <file>', 'sign this request')
      .option('--out <file>', 'where the answer to --csr goes: leaf, then intermediates')
      .option('--install <file>', 'install the answer to the request made here')
      .option('--root <file>', 'with --install: the root to trust from now on')
      .option('--fingerprint <sha256>', 'with --root: its SHA-256 fingerprint', text =>
        parseFingerprint(text, '--fingerprint'),
      );
  },
  async run(context, operands, given) {
    const services = operands.map(name => parseServiceName(name));
    refuseTwice(services);
    const options = given['from'] === undefined ? await withRequestAndAnswer(context, given) : given;
    const way = wayOf(services, options);
    if (way !== 'fleet' && services.length === 0) services.push(await askForService(context));
    return ways[way](context, services, options);
  },
};

const names = ['profile', 'dns', 'ip', 'uri', 'email'];

/** How the files lie there. */
const files = ['owner', 'group', 'keyMode', 'output', 'pkcs12PassphraseFile'];

const key = ['passphraseFile', 'passphrase'];

const flagsByMode: Readonly<Record<RequestMode, readonly string[]>> = {
  direct: [...names, ...files, 'issuer', 'validity', 'keyType', 'hook', 'force', 'caPassphraseFile', ...key],
  install: ['install', 'root', 'fingerprint', 'passphraseFile'],
  request: ['request', ...names, ...files, 'issuer', 'validity', 'keyType', 'hook', 'force', ...key],
  sign: ['csr', 'out', ...names, 'issuer', 'validity', 'force', 'caPassphraseFile'],
};

type Way = (
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
) => Promise<Outcome | undefined>;

const ways = {
  direct: enrollNamed,
  fleet: (context, _services, options) => enrollFromFile(context, options),
  install: (context, services, options) => installAnswer(context, only(services, '--install'), options),
  request: makeRequests,
  sign: (context, services, options) => signServiceRequest(context, only(services, '--csr'), options),
} satisfies Record<string, Way>;

function wayOf(services: readonly string[], options: OptionValues): keyof typeof ways {
  const mode = modeOf(options);
  if (options['from'] === undefined && options['jobs'] !== undefined)
    throw new MtlsctlError('usage', '--jobs goes with --from <file>');
  if (options['from'] === undefined) {
    refuseStrayFlags(options, mode, flagsByMode);
    return mode;
  }
  if (services.length > 0) throw new MtlsctlError('usage', '--from and named services exclude each other');
  if (mode !== 'direct') throw new MtlsctlError('usage', '--from goes without --request, --csr and --install');
  const own = ['profile', 'dns', 'ip', 'uri', 'email', 'validity', 'keyType', 'hook', ...files].find(
    key => options[key] !== undefined,
  );
  if (own === undefined) return 'fleet';
  throw new MtlsctlError(
    'usage',
    `--from excludes flags that describe one service: write '${own}' into the file, under defaults`,
  );
}

function askForService(context: CommandContext): Promise<string> {
  return askFor(context, {
    question: 'the name of the service',
    parse: text => parseServiceName(text),
    refusal: () =>
      new MtlsctlError('usage', 'no service is named', {
        hints: ['name services, or give a fleet file with --from <file>'],
      }),
  });
}

function refuseTwice(services: readonly string[]): void {
  const twice = services.find((service, index) => services.indexOf(service) !== index);
  if (twice !== undefined) throw new MtlsctlError('usage', `service '${twice}' is named twice`);
}

function only(services: readonly string[], flag: string): string {
  const [service] = services;
  if (service !== undefined && services.length === 1) return service;
  throw new MtlsctlError('usage', `${flag} goes with one service`);
}
