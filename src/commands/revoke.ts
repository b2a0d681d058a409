import type { Command } from 'commander';
import {
  type AuthorityTargets,
  findTargets,
  isIntermediate,
  type RevocationTarget,
  type TargetSearch,
} from '../authority/revocation-targets.ts';
import { isChanged, type RevocationChange, type RevocationResult } from '../authority/revoke.ts';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { readGiven } from '../files.ts';
import {
  parseAuthorityName,
  parseFingerprint,
  parseInstant,
  parseReason,
  parseSerial,
  parseServiceName,
  type RevocationReason,
  revocationReasons,
} from '../options.ts';
import { readCertificates } from '../x509/certificate.ts';
import { askFor, chooseAuthority } from './ask.ts';
import { choice } from './choice.ts';
import type { CommandContext, CommandDefinition, OptionValues, Outcome } from './command.ts';
import { oneCaPassphrase } from './enrolment-options.ts';
import { sayFailures, statusOfFailures } from './failures.ts';
import { confirmCount } from './modes.ts';
import { changeEach, openKeys } from './revoke-authorities.ts';
import { replaceFirst } from './revoke-reissue.ts';
import { revokeDocument, type RevocationRun, revokeText } from './revoke-report.ts';

export const command: CommandDefinition = {
  name: 'revoke',
  operands: [
    ['[service]', 'the service: every certificate of it that has not expired, whether its files are here or not'],
  ],
  description: `Revokes certificates: records it in the ledger of the authority that issued them, publishes its CRL, and ends well only when the CRL that relying
parties read has them. What is revoked already is left as it is. An intermediate CA is revoked at its issuer, by its name, serial number or certificate.

The name of a service alone means all that it has, also the replacement that a run before this one made: what may run twice names the --serial, or adds
--issued-before.`,
  examples: [
    'mtlsctl revoke user-svc --reason keyCompromise --reissue',
    'mtlsctl revoke user-svc --issued-before 2026-11-22T14:00:00Z --reissue',
    'mtlsctl revoke --serial 0a:1b:2c --reason superseded',
    'mtlsctl revoke --cert old.pem --dry-run',
    'mtlsctl revoke user-svc --reason certificateHold',
    'mtlsctl revoke user-svc --release',
    'mtlsctl revoke --authority site-a --issued-before 2026-11-01T00:00:00Z --reason keyCompromise --yes',
    'mtlsctl revoke site-a --authority root --reason cACompromise --ca-passphrase-file /run/root.pass',
  ],
  exitStatuses: [0, 3, 4, 5, 8, 9],
  configure(command: Command) {
    command
      .option('--serial <hex>', 'the certificate with this serial number (dec:<digits> for decimal)', text =>
        parseSerial(text, '--serial'),
      )
      .option('--cert <file>', 'the first certificate of this file')
      .option(
        '--authority <authority>',
        'the authority that issued it (default: every one whose ledger is here)',
        text => parseAuthorityName(text, '--authority'),
      )
      .option(
        '--issued-before <instant>',
        'of a service: what was issued to it before; with --authority alone: all that it issued before',
        text => parseInstant(text, '--issued-before'),
      )
      .option('--spki <sha256>', 'all certificates with this public key (SHA-256 of SubjectPublicKeyInfo)', text =>
        parseFingerprint(text, '--spki'),
      )
      .addOption(
        choice(
          '--reason <reason>',
          'why, by name or number (default: unspecified)',
          Object.keys(revocationReasons),
          text => parseReason(text, '--reason'),
        ),
      )
      .option('--invalidity-date <instant>', 'since when the key is not to be trusted', text =>
        parseInstant(text, '--invalidity-date'),
      )
      .option('--release', 'take certificateHold back')
      .option(
        '--reissue',
        'first issue and install a replacement with a new key, so that the service always has a valid pair',
      )
      .option('--dry-run', 'say what would be revoked, and change nothing')
      .option('--ca-passphrase-file <path>', "the passphrase of the authority's key; - is stdin")
      .option('--passphrase-file <path>', 'with --reissue: encrypts the new key');
  },
  async run(context, operands, options) {
    const change = changeFrom(context, options);
    const { directory, system } = context;
    const target = await targetFrom(context, operands[0], options);
    const authority = options['authority'] as string | undefined;
    const searched = await search(context, { directory, target, authority, now: system.now() });
    const found = searched.filter(({ certificates }) => certificates.length > 0);
    const isDryRun = options['dryRun'] === true;
    if (target.kind === 'many' && !isDryRun) await confirm(context, found, change);
    const caPassphrase = oneCaPassphrase(context, options);
    const { opened, failures: closed } = isDryRun ? unopened(found) : await openKeys(found, caPassphrase);
    const open = opened.map(({ targets }) => targets);
    const replacements = await replaceFirst(context, { found: open, target, caPassphrase }, options);
    const mustTell = closed.length > 0 || replacements.length > 0;
    const { results, failures: failed } = await changeEach(context, opened, { change, mustTell });
    remark(context, results, change);
    return report(context, { results, replacements, failures: [...closed, ...failed], isDryRun });
  },
};

function unopened(found: readonly AuthorityTargets[]): Awaited<ReturnType<typeof openKeys>> {
  return { opened: found.map(targets => ({ targets, signer: undefined })), failures: [] };
}

/** What a person may not expect. */
function remark(context: CommandContext, results: readonly RevocationResult[], change: RevocationChange): void {
  for (const { authority, outcomes } of results) {
    for (const { certificate, status, revocation } of outcomes) {
      const { serial, service = '' } = certificate.issued;
      if (status === 'unchanged' && change.kind === 'revoke' && revocation?.reason !== change.reason && change.isGiven)
        context.warn(`${serial} was revoked before for another reason, which stands`);
      if (status === 'revoked' && isIntermediate(certificate)) {
        const crl = `the CRL of '${authority.name}'`;
        context.note(`carry ${crl} to every location; services under '${service}' are due under another authority`);
      }
    }
  }
}

function report(context: CommandContext, run: RevocationRun): Outcome {
  const { results, replacements, failures } = run;
  sayFailures(
    context,
    failures.map(({ authority, error }) => ({ name: authority, error })),
  );
  const document = revokeDocument(run);
  return {
    document,
    status: statusOfFailures(results.length > 0 || replacements.length > 0, failures),
    text: paint => revokeText(document, paint),
  };
}

/** A service of an authority's name is not asked about: who chose wrong would end far more than was meant. */
async function search(context: CommandContext, order: TargetSearch): Promise<readonly AuthorityTargets[]> {
  try {
    return await findTargets(order);
  } catch (error) {
    if (!isMtlsctlError(error, 'ambiguous-authority') || order.target.kind === 'service') throw error;
    return findTargets({ ...order, authority: await chooseAuthority(context, error) });
  }
}

async function targetFrom(
  context: CommandContext,
  operand: string | undefined,
  options: OptionValues,
): Promise<RevocationTarget> {
  const serial = options['serial'] as string | undefined;
  const file = options['cert'] as string | undefined;
  const issuedBefore = options['issuedBefore'] as number | undefined;
  const spki = options['spki'] as string | undefined;
  const isMany = spki !== undefined || (issuedBefore !== undefined && operand === undefined);
  const isAnyNamed = operand !== undefined || serial !== undefined || file !== undefined || isMany;
  const service = isAnyNamed ? operand : await askForService(context);
  const ways = [service, serial, file, isMany ? 'many' : undefined].filter(way => way !== undefined);
  if (ways.length !== 1) throw notOneTarget(ways.length);
  if (service !== undefined) return { kind: 'service', service: parseServiceName(service), issuedBefore };
  if (issuedBefore !== undefined && options['authority'] === undefined) {
    throw new MtlsctlError('usage', '--issued-before goes with a service, or with --authority <authority>');
  }
  if (serial !== undefined) return { kind: 'serial', serial };
  if (file === undefined) return { kind: 'many', issuedBefore, spki };
  const content = await readGiven(file);
  const [certificate] = inFile(file, () => readCertificates(content));
  if (certificate === undefined) throw new MtlsctlError('malformed', `${file} holds no certificate`);
  return { kind: 'certificate', certificate, file };
}

function askForService(context: CommandContext): Promise<string> {
  return askFor(context, {
    question: 'the service whose certificates are to be revoked',
    parse: text => parseServiceName(text),
    refusal: () => notOneTarget(0),
  });
}

function notOneTarget(count: number): MtlsctlError {
  const message =
    count === 0
      ? 'nothing to revoke is named'
      : 'a service, --serial, --cert and the flags for many (--issued-before, --spki) exclude each other';
  return new MtlsctlError('usage', message, {
    hints: ['name a service, or give one of --serial <hex>, --cert <file>, --spki <sha256>, --issued-before <instant>'],
  });
}

function changeFrom(context: CommandContext, options: OptionValues): RevocationChange {
  const reason: RevocationReason = (options['reason'] as RevocationReason | undefined) ?? 'unspecified';
  const invalidityDate = options['invalidityDate'] as number | undefined;
  if (options['passphraseFile'] !== undefined && options['reissue'] !== true)
    throw new MtlsctlError('usage', '--passphrase-file goes with --reissue');
  if (options['release'] === true) {
    const stray = ['reason', 'invalidityDate', 'reissue'].find(key => options[key] !== undefined);
    if (stray === undefined) return { kind: 'release' };
    const flag = stray === 'invalidityDate' ? 'invalidity-date' : stray;
    throw new MtlsctlError('usage', `--release and --${flag} exclude each other`);
  }
  if (invalidityDate !== undefined && reason === 'certificateHold')
    throw new MtlsctlError('usage', '--invalidity-date is for a revocation that is final, and not for certificateHold');
  if (invalidityDate !== undefined && invalidityDate > context.system.now())
    throw new MtlsctlError('bad-value', '--invalidity-date is in the future');
  const isGiven = options['reason'] !== undefined;
  return { kind: 'revoke', reason: revocationReasons[reason], isGiven, invalidityDate };
}

/** Whoever names no certificate is told how many are meant. */
async function confirm(
  context: CommandContext,
  found: readonly AuthorityTargets[],
  change: RevocationChange,
): Promise<void> {
  const verb = change.kind === 'release' ? 'release' : 'revoke';
  const counts = found.map(({ authority, certificates }) => {
    const open = certificates.filter(({ revocation }) => isChanged(revocation, change)).length;
    return { name: authority.name, open };
  });
  const total = counts.reduce((sum, { open }) => sum + open, 0);
  if (total === 0) return;
  const named = counts.map(({ name, open }) => `${open} of '${name}'`).join(', ');
  await confirmCount(context, `${verb} ${total} certificate${total === 1 ? '' : 's'} (${named})?`);
}
