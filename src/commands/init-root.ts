import type { Command } from 'commander';
import { readConfig } from '../authority/configuration.ts';
import { completeInterruptedRoot, createRoot, planRoot, type RootOrder } from '../authority/create-root.ts';
import {
  completedDocument,
  completedText,
  createdDocument,
  createdText,
  planDocument,
  planText,
} from '../authority/root-report.ts';
import { keyTypeNames, parseKeyType } from '../keys/key-types.ts';
import { formatDuration, parseAuthorityName, parseCount, parseDuration, parseTrustDomain } from '../options.ts';
import { choice } from './choice.ts';
import type { CommandContext, CommandDefinition, OptionValues } from './command.ts';
import { addConstraintOptions, constraintsFrom, parseCaSubject } from './ca-options.ts';
import { newPassphrase } from './passphrase.ts';

export const command: CommandDefinition = {
  name: 'init-root',
  operands: [],
  description: `Creates a root CA: its key, the self-signed certificate, an empty CRL and the ledger, and with them ca.pem, crl.pem and mtlsctl.yaml.
Do it on a machine without a network, and keep the key there. See README, "The offline ceremony".`,
  examples: [
    'mtlsctl init-root --passphrase-file /run/root.pass',
    'mtlsctl init-root --trust-domain prod.example --permit-dns prod.example --permit-uri prod.example --plan',
    'mtlsctl init-root --dir ./pki --no-passphrase --key-type rsa-4096 --validity 20y',
  ],
  exitStatuses: [0, 3, 4, 9],
  configure(command: Command) {
    command
      .option(
        '--name <name>',
        'the name of its directory under authorities/',
        text => parseAuthorityName(text, '--name'),
        'root',
      )
      .option('--subject <dn>', 'distinguished name, RFC 4514 (default: CN=<name> CA,O=<trust domain>)', parseCaSubject)
      .option('--trust-domain <name>', 'ends the names of all services (default: link.internal)', text =>
        parseTrustDomain(text, '--trust-domain'),
      )
      .addOption(choice('--key-type <type>', 'the kind of key (default: ec-p384)', keyTypeNames, parseKeyType))
      .option('--validity <duration>', 'how long the root is valid (default: 10y)', text =>
        parseDuration(text, '--validity'),
      )
      .option('--path-length <n>', 'how many CAs may stand below it, one under the other (default: 1)', text =>
        parseCount(text, '--path-length', { minimum: 0, maximum: 32 }),
      )
      .option('--crl-validity <duration>', 'how long its CRL is valid (default: 180d)', text =>
        parseDuration(text, '--crl-validity'),
      )
      .option('--passphrase-file <path>', 'the passphrase that encrypts the key; - is stdin')
      .option('--no-passphrase', 'store the key unencrypted')
      .option('--plan', 'print what would be made, and make nothing');
    addConstraintOptions(command);
  },
  async run(context, _operands, options) {
    const order = rootOrder(context, options);
    const completed = options['plan'] === true ? undefined : await completeInterruptedRoot(order);
    if (completed !== undefined) {
      context.note('finished what an interrupted init-root had begun');
      const document = completedDocument(order.name, order.directory, completed);
      return { document, text: () => completedText(document) };
    }
    const plan = await planRoot(order, await readConfig(order.directory));
    if (order.crlValidity !== undefined && order.crlValidity > plan.validity)
      context.warn(
        `the CRL ends with the root, before the --crl-validity ${formatDuration(order.crlValidity)} asked for`,
      );
    if (options['plan'] === true) {
      const document = planDocument(plan, encryptedByFlags(options));
      return { document, text: paint => planText(document, paint) };
    }
    const document = createdDocument(plan, await createRoot(plan, await rootPassphrase(context, options)));
    context.note(`created the root '${plan.name}'; read its fingerprint aloud where it is to be trusted`);
    return { document, text: () => createdText(document) };
  },
};

function rootOrder(context: CommandContext, options: OptionValues): RootOrder {
  const { name, subject, trustDomain, keyType, validity, pathLength, crlValidity } = options as unknown as RootOrder;
  return {
    directory: context.directory,
    ...{ name, subject, trustDomain, keyType, validity, pathLength, crlValidity },
    nameConstraints: constraintsFrom(options),
    now: context.system.now(),
    random: count => context.system.randomBytes(count),
  };
}

function rootPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  return newPassphrase(context, {
    file: options['passphraseFile'] as string | undefined,
    noPassphrase: options['passphrase'] === false,
    flag: '--passphrase-file',
    question: "a passphrase for the root's key",
  });
}

/** Undefined where it is still to be asked. */
function encryptedByFlags(options: OptionValues): boolean | undefined {
  if (options['passphrase'] === false) return false;
  return options['passphraseFile'] === undefined ? undefined : true;
}
