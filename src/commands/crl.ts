import type { Command } from 'commander';
import { MtlsctlError } from '../errors.ts';
import { parseAuthorityName, parseDuration } from '../options.ts';
import type { CommandContext, CommandDefinition, OptionValues, Outcome } from './command.ts';
import { checkWay } from './crl-check.ts';
import { importWay } from './crl-import.ts';
import { parseSeries, signWay } from './crl-sign.ts';

export const command: CommandDefinition = {
  name: 'crl',
  operands: [['[authority...]', 'the authorities (default: every one whose key is here)']],
  description: `Signs a new CRL for each authority whose key is here and publishes it: crl.pem and crl.der of the authority, and crl.pem of the PKI directory, which
is put right where it is damaged. Run it well before the last one ends: hourly for intermediates.
  --check looks, and signs nothing: exit status 1 where a CRL is missing, stale, near its end, of somebody else, or behind the ledger;
  --import takes CRLs of other locations, or those that an offline root has signed ahead with --series;
  --delta signs what has changed since the oldest complete CRL that is still in time.`,
  examples: [
    'mtlsctl crl',
    'mtlsctl crl site-a --validity 72h',
    'mtlsctl crl --check --min-remaining 6h',
    'mtlsctl crl root --series 12 --every 30d --validity 45d --out /media/stick/root-crls --ca-passphrase-file /run/root.pass',
    'mtlsctl crl --import /media/stick/root-crls',
    'mtlsctl crl --import site-b.crl --untrusted site-b.pem',
    'mtlsctl crl site-a --out /srv/www/site-a.crl',
  ],
  exitStatuses: [0, 1, 3, 4, 5, 8, 9],
  configure(command: Command) {
    command
      .option('--validity <duration>', 'from thisUpdate to nextUpdate (default: 24h; a root: 180d)', text =>
        parseDuration(text, '--validity'),
      )
      .option(
        '--out <file>',
        'write the CRL here too: PEM, or DER where it ends in .crl or .der; with --series: a directory',
      )
      .option('--der', 'with --out: DER, whatever its name')
      .option('--series <n>', 'sign so many CRLs ahead, one after the other, for a root that is offline', parseSeries)
      .option('--every <duration>', 'with --series: from one CRL to the next', text => parseDuration(text, '--every'))
      .option('--delta', 'sign a delta CRL into delta.pem and delta.der of the authority')
      .option('--check', 'look whether the CRLs are there and good, and sign nothing')
      .option('--min-remaining <duration>', 'with --check: what they have left at least (default: 6h)', text =>
        parseDuration(text, '--min-remaining', { zero: true }),
      )
      .option('--import <file>', 'put the CRLs of this file, or of the files of this directory, into crl.pem')
      .option('--untrusted <file>', "with --import: the certificate of the CRL's issuer, where it is not known here")
      .option('--ca-passphrase-file <path>', "the passphrase of the authorities' keys; - is stdin");
  },
  run(context, operands, options) {
    const authorities = operands.map(name => parseAuthorityName(name));
    refuseTwice(authorities);
    const way = wayOf(options);
    refuseStray(way, options);
    if (way === 'import' && authorities.length > 0)
      throw new MtlsctlError('usage', '--import takes no authority: a CRL says itself whose it is');
    return ways[way](context, authorities, options);
  },
};

type Way = (context: CommandContext, authorities: readonly string[], options: OptionValues) => Promise<Outcome>;

const ways = { check: checkWay, import: importWay, sign: signWay } satisfies Record<string, Way>;

const flagsByWay: Readonly<Record<keyof typeof ways, readonly string[]>> = {
  check: ['check', 'minRemaining'],
  import: ['import', 'untrusted'],
  sign: ['validity', 'out', 'der', 'series', 'every', 'delta', 'caPassphraseFile'],
};

function wayOf(options: OptionValues): keyof typeof ways {
  if (options['check'] === true && options['import'] !== undefined)
    throw new MtlsctlError('usage', '--check and --import exclude each other');
  if (options['check'] === true) return 'check';
  return options['import'] === undefined ? 'sign' : 'import';
}

function refuseStray(way: keyof typeof ways, options: OptionValues): void {
  const others = Object.values(flagsByWay).flat();
  const stray = others.find(key => options[key] !== undefined && !flagsByWay[way].includes(key));
  if (stray === undefined) return;
  const flag = stray.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
  const where = way === 'sign' ? 'here' : `with --${way}`;
  throw new MtlsctlError('usage', `--${flag} has no effect ${where}`);
}

function refuseTwice(authorities: readonly string[]): void {
  const twice = authorities.find((name, index) => authorities.indexOf(name) !== index);
  if (twice !== undefined) throw new MtlsctlError('usage', `authority '${twice}' is named twice`);
}
