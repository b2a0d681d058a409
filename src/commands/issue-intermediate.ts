import { type Command, Option } from 'commander';
import { readConfig } from '../authority/configuration.ts';
import { installIntermediate } from '../authority/install-intermediate.ts';
import {
  createIntermediate,
  existingIntermediate,
  type IntermediateOrder,
  intermediatePaths,
  refuseOutlivingIssuer,
} from '../authority/intermediate.ts';
import {
  grantedLines,
  intermediateDocument,
  intermediateText,
  requestSummary,
} from '../authority/intermediate-report.ts';
import {
  existingAnswer,
  existingRequest,
  readRequestFile,
  requestIntermediate,
  signRequest,
} from '../authority/intermediate-request.ts';
import { withoutCrl } from '../authority/known-issuers.ts';
import { readPublishedCrls } from '../authority/trust.ts';
import { loadAuthority } from '../authority/authority.ts';
import { otherTrustDomain } from '../authority/trust-domain.ts';
import { type AskedEncryption, refuseOtherEncryption } from '../authority/key-as-asked.ts';
import { openAuthority } from '../authority/open-issuer.ts';
import { refuseRevokedIssuer } from '../enrolment/revoked-issuer.ts';
import { readGiven } from '../files.ts';
import { keyTypeNames, parseKeyType } from '../keys/key-types.ts';
import type { Request } from '../x509/request.ts';
import {
  parseAuthorityName,
  parseCount,
  parseDuration,
  parseFingerprint,
  parseHttpUrl,
  parseTrustDomain,
} from '../options.ts';
import { printable } from '../printable.ts';
import type { Certificate } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';
import { askFor, missingOperand } from './ask.ts';
import { choice } from './choice.ts';
import { type CommandContext, type CommandDefinition, gather, type OptionValues, type Outcome } from './command.ts';
import { addConstraintOptions, constraintsFrom, parseCaSubject } from './ca-options.ts';
import {
  confirmOrDecline,
  modeOf,
  namedRootOrder,
  refuseStrayFlags,
  type RequestMode,
  withRequestAndAnswer,
} from './modes.ts';
import { caPassphrase, newPassphrase } from './passphrase.ts';

export const command: CommandDefinition = {
  name: 'issue-intermediate',
  operands: [['<name>', 'the name of the authority: its directory under authorities/']],
  description: `Creates an intermediate CA, in one of four ways:
  where the issuer's key is here, at once;
  --request makes key and request here, to be signed elsewhere;
  --csr <file> --out <file> signs such a request, where the root is; names and extensions come from profile and flags, never from the request;
  --install <file> installs the answer beside the key that waits for it.`,
  examples: [
    'mtlsctl issue-intermediate site-a --ca-passphrase-file /run/root.pass --passphrase-file /run/site-a.pass',
    'mtlsctl issue-intermediate site-a --request --passphrase-file /run/site-a.pass',
    'mtlsctl issue-intermediate site-a --csr site-a.csr --out site-a.pem --permit-dns link.internal',
    'mtlsctl issue-intermediate site-a --install site-a.pem --root ca.pem --fingerprint <sha256> --crl crl.pem --ca-passphrase-file /run/site-a.pass',
  ],
  exitStatuses: [0, 3, 4, 5, 9],
  configure(command: Command) {
    command
      .option('--issuer <authority>', 'the authority that signs (default: root)', text =>
        parseAuthorityName(text, '--issuer'),
      )
      .option('--subject <dn>', 'distinguished name, RFC 4514 (default: CN=<name> CA,O=<trust domain>)', parseCaSubject)
      .addOption(choice('--key-type <type>', 'the kind of key (default: ec-p256)', keyTypeNames, parseKeyType))
      .option('--validity <duration>', 'how long it is valid, within the life of its issuer (default: 3y)', text =>
        parseDuration(text, '--validity'),
      )
      .option('--path-length <n>', 'how many CAs may stand below it, one under the other (default: 0)', text =>
        parseCount(text, '--path-length', { minimum: 0, maximum: 32 }),
      )
      .option(
        '--crl-url <url>',
        "where the issuer's CRL is fetched; may be repeated",
        gather(text => parseHttpUrl(text, '--crl-url')),
      )
      .option('--trust-domain <name>', 'with --request: the trust domain, where there is no mtlsctl.yaml', text =>
        parseTrustDomain(text, '--trust-domain'),
      )
      .option('--passphrase-file <path>', 'the passphrase that encrypts the new key; - is stdin')
      .option('--no-passphrase', 'store the new key unencrypted')
      .option(
        '--ca-passphrase-file <path>',
        "the passphrase of the signing authority's key; with --install that of the waiting key, which signs its first CRL",
      )
      .option('--request', 'make key and request here')
      .option('--csr <file>', 'sign this request')
      .option('--out <file>', 'where the answer to --csr goes')
      .option('--install <file>', 'install the answer to the request made here')
      .option('--root <file>', 'with --install: the root to trust from now on')
      .addOption(
        new Option('--fingerprint <sha256>', 'with --root: its SHA-256 fingerprint').argParser(text =>
          parseFingerprint(text, '--fingerprint'),
        ),
      )
      .option('--crl <file>', "with --install: the root's CRL");
    addConstraintOptions(command);
  },
  async run(context, [operand], given) {
    const options = await withRequestAndAnswer(context, given);
    const mode = modeOf(options);
    refuseStrayFlags(options, mode, flagsByMode);
    const name = operand === undefined ? await askForName(context) : parseAuthorityName(operand);
    return modes[mode](context, await intermediateOrder(context, name, options), options);
  },
};

function askForName(context: CommandContext): Promise<string> {
  return askFor(context, {
    question: 'the name of the intermediate CA',
    parse: text => parseAuthorityName(text),
    refusal: () => missingOperand('name'),
  });
}

const constraints = ['permit', 'exclude'].flatMap(verb => ['Dns', 'Uri', 'Ip', 'Email'].map(kind => verb + kind));
const content = ['issuer', 'subject', 'validity', 'pathLength', 'crlUrl', 'caPassphraseFile', ...constraints];
const key = ['keyType', 'passphraseFile', 'passphrase'];

const flagsByMode: Readonly<Record<RequestMode, readonly string[]>> = {
  direct: [...content, ...key],
  install: ['install', 'root', 'fingerprint', 'crl', 'caPassphraseFile'],
  request: ['request', 'subject', 'trustDomain', ...key],
  sign: ['csr', 'out', ...content],
};

type Mode = (context: CommandContext, order: IntermediateOrder, options: OptionValues) => Promise<Outcome>;

const modes: Readonly<Record<RequestMode, Mode>> = { direct, request, sign, install };

async function intermediateOrder(
  context: CommandContext,
  name: string,
  options: OptionValues,
): Promise<IntermediateOrder> {
  const { issuer = 'root', subject, keyType, validity, pathLength } = options as Partial<IntermediateOrder>;
  const config = await readConfig(context.directory);
  const trustDomain = (options['trustDomain'] as string | undefined) ?? config.trustDomain;
  return {
    directory: context.directory,
    ...{ name, issuer, subject, keyType, validity, pathLength },
    config: { ...config, trustDomain },
    nameConstraints: constraintsFrom(options),
    crlUrls: (options['crlUrl'] ?? []) as readonly string[],
    now: context.system.now(),
    random: count => context.system.randomBytes(count),
  };
}

async function direct(context: CommandContext, order: IntermediateOrder, options: OptionValues): Promise<Outcome> {
  const existing = await existingIntermediate(order);
  if (existing !== undefined) {
    // Nobody who asks for an authority is served by one that nobody trusts any more.
    await refuseRevokedIssuer(order.directory, order.name);
    await refuseOtherEncryption(order, await askedEncryption(context, order, options));
    return report(order, { status: 'unchanged', certificate: existing, warnings: [] });
  }
  await refuseRevokedIssuer(order.directory, order.issuer);
  await refuseOutlivingIssuer(order);
  const issuer = await openAuthority(order.directory, order.issuer, () => caPassphrase(context, order.issuer, options));
  const made = await createIntermediate(order, issuer, await passphraseForKey(context, order, options));
  for (const warning of made.warnings) context.warn(warning);
  return report(order, made);
}

async function request(context: CommandContext, order: IntermediateOrder, options: OptionValues): Promise<Outcome> {
  const existing = await existingRequest(order);
  if (existing !== undefined) await refuseOtherEncryption(order, await askedEncryption(context, order, options));
  const waiting = existing ?? (await requestIntermediate(order, await passphraseForKey(context, order, options)));
  context.note(
    `have ${waiting.path} signed where the root is: mtlsctl issue-intermediate ${order.name} --csr <file> --out <file>`,
  );
  return report(order, { ...waiting, keyPath: intermediatePaths(order).key });
}

async function sign(context: CommandContext, order: IntermediateOrder, options: OptionValues): Promise<Outcome> {
  const [csr, out] = [String(options['csr']), String(options['out'])];
  const asked = readRequestFile(await readGiven(csr), csr);
  const { certificate: issuerCertificate } = await loadAuthority(order.directory, order.issuer);
  const existing = await existingAnswer(order, asked, out);
  if (existing !== undefined) return report(order, { status: 'unchanged', certificate: existing, warnings: [], out });
  await refuseRevokedIssuer(order.directory, order.issuer);
  await refuseOutlivingIssuer(order);
  warnOfRequester(context, order, asked);
  const summary = requestSummary(asked, grantedLines(order, issuerCertificate));
  await confirmOrDecline(context, summary, `sign this request as the intermediate CA '${order.name}'?`);
  const issuer = await openAuthority(order.directory, order.issuer, () => caPassphrase(context, order.issuer, options));
  const signed = await signRequest(order, issuer, asked, out);
  for (const warning of signed.warnings) context.warn(warning);
  return report(order, { status: 'signed', certificate: signed.certificate, warnings: signed.warnings, out });
}

async function install(context: CommandContext, order: IntermediateOrder, options: OptionValues): Promise<Outcome> {
  const installed = await installIntermediate(
    {
      directory: order.directory,
      name: order.name,
      config: order.config,
      file: String(options['install']),
      root: namedRootOrder(context, options),
      crl: options['crl'] as string | undefined,
      now: order.now,
    },
    () => caPassphrase(context, order.name, options),
  );
  const { subject } = installed.certificate;
  const theirs = otherTrustDomain(subject, order.config);
  if (theirs !== undefined) {
    const own = order.config.trustDomain;
    context.warn(
      `${formatName(subject)} is of the trust domain ${theirs}, but services here are named for ${own}: write 'trustDomain: ${theirs}' into ${order.config.source} before they are enrolled`,
    );
  }
  const warnings = await withoutRootCrl(order, installed.root);
  for (const warning of warnings) context.warn(warning);
  return report(order, { ...installed, warnings });
}

/** Without it a relying party that asks for CRLs, as `verify-chain` does, knows nothing of the intermediate. */
async function withoutRootCrl({ directory }: IntermediateOrder, root: Certificate): Promise<readonly string[]> {
  const missing = withoutCrl([{ certificate: root, authority: undefined }], await readPublishedCrls(directory));
  return missing.map(
    ({ subject }) =>
      `crl.pem has no CRL of the root ${printable(formatName(subject))}, and chains are refused until it has: bring the root's CRL along and run 'mtlsctl crl --import <file>'`,
  );
}

/** The CA is named as this PKI has it; the services below it are named as the configuration has it where the request comes from. */
function warnOfRequester(context: CommandContext, { config }: IntermediateOrder, { subject }: Request): void {
  const theirs = otherTrustDomain(subject, config);
  if (theirs === undefined) return;
  const own = config.trustDomain;
  context.warn(
    `the request is of the trust domain ${theirs}, and this PKI's is ${own}: where it comes from, write 'trustDomain: ${own}' into mtlsctl.yaml before services are enrolled`,
  );
}

function passphraseForKey(
  context: CommandContext,
  order: IntermediateOrder,
  options: OptionValues,
): Promise<Uint8Array | undefined> {
  return newPassphrase(context, {
    file: options['passphraseFile'] as string | undefined,
    noPassphrase: options['passphrase'] === false,
    flag: '--passphrase-file',
    question: `a passphrase for the key of '${order.name}'`,
  });
}

/** What the flags say of the key; nobody is asked about one that is here already. */
async function askedEncryption(
  context: CommandContext,
  order: IntermediateOrder,
  options: OptionValues,
): Promise<AskedEncryption> {
  if (options['passphraseFile'] === undefined && options['passphrase'] !== false) return undefined;
  return { passphrase: await passphraseForKey(context, order, options) };
}

function report(order: IntermediateOrder, result: Parameters<typeof intermediateDocument>[1]): Outcome {
  const document = intermediateDocument(order, result);
  return { document, text: () => intermediateText(document) };
}
