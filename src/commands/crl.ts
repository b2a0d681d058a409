import type { Command } from 'commander';
import { readConfig } from '../authority/configuration.ts';
import { rebuildCrls } from '../authority/rebuild-crls.ts';
import { parseAuthorityName, parseDuration } from '../options.ts';
import type { CommandDefinition } from './command.ts';
import { crlDocument } from './crl-report.ts';
import { caPassphrase } from './passphrase.ts';

export const command: CommandDefinition = {
  name: 'crl',
  operands: [['[authority...]', 'the authorities (default: every one whose key is here)']],
  description: `Signs a new CRL for each authority whose key is here and publishes it: crl.pem and crl.der of the authority, and crl.pem of the PKI directory.
Run it well before the last one ends: hourly for intermediates.`,
  examples: [
    'mtlsctl crl',
    'mtlsctl crl site-a --validity 72h',
    'mtlsctl crl root --ca-passphrase-file /run/root.pass',
  ],
  exitStatuses: [0, 3, 5, 9],
  configure(command: Command) {
    command
      .option('--validity <duration>', 'from thisUpdate to nextUpdate (default: 24h; a root: 180d)', text =>
        parseDuration(text, '--validity'),
      )
      .option('--ca-passphrase-file <path>', "the passphrase of the authorities' keys; - is stdin");
  },
  async run(context, operands, options) {
    let passphrase: Promise<Uint8Array> | undefined;
    const published = await rebuildCrls({
      directory: context.directory,
      config: await readConfig(context.directory),
      authorities: operands.map(name => parseAuthorityName(name)),
      validity: options['validity'] as number | undefined,
      now: context.system.now(),
      passphrase: authority => (passphrase ??= caPassphrase(context, authority, options)),
    });
    const crls = published.map(({ name, publication }) => crlDocument(name, publication));
    return {
      document: { schema: 'mtlsctl/crl/v1', crls },
      text: () =>
        crls
          .map(crl => `${crl.authority}: CRL ${crl.number}, ${crl.entries} revoked, next due ${crl.nextUpdate}\n`)
          .join(''),
    };
  },
};
