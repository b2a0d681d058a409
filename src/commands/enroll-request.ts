import { readConfig } from '../authority/configuration.ts';
import { namedByFlag } from '../config/service-file.ts';
import { namedRoot } from '../authority/install-intermediate.ts';
import { readRequestFile } from '../authority/intermediate-request.ts';
import { requestSummary } from '../authority/intermediate-report.ts';
import { encodeCertificates, readOptionalTrustAnchors, readTrustAnchors, trustRoot } from '../authority/trust.ts';
import { decide } from '../deployment/decision.ts';
import { planService, type ServicePlan } from '../deployment/plan.ts';
import { canIssue } from '../deployment/revoked-authority.ts';
import {
  installService,
  type RequestedService,
  requestService,
  type RequestEnrolment,
} from '../deployment/service-request.ts';
import { inFile, MtlsctlError } from '../errors.ts';
import { checkReplaceable, readGiven, readOptional, replaceFile } from '../files.ts';
import { formatDuration } from '../options.ts';
import { keyTypeOf } from '../keys/key-types.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { issuerSignature } from '../x509/issuer-signature.ts';
import { formatName } from '../x509/name.ts';
import { readPem } from '../x509/pem.ts';
import { sameOctets } from '../der/octets.ts';
import type { Request } from '../x509/request.ts';
import { chooseAuthority } from './ask.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { certificateEntry, enrollSchema, type ServiceEntry } from '../enrolment/entry.ts';
import { refuseRevokedIssuer } from '../enrolment/revoked-issuer.ts';
import { publishedRevocations } from '../enrolment/set-up.ts';
import { mergeFlags, mergeSettings } from '../enrolment/settings.ts';
import { localIssuers } from '../issuers/local.ts';
import { entryText } from './enroll-report.ts';
import { leafPassphrase, oneCaPassphrase, settingsFromFlags } from './enrolment-options.ts';
import { confirmOrDecline, namedRootOrder } from './modes.ts';
import { existingPassphrase } from './passphrase.ts';

/** `enroll --request`: key and request, on the node that the key never leaves. */
export async function makeRequests(
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
): Promise<Outcome> {
  const enrolment = await requestEnrolment(context, options);
  const anchors = await readOptionalTrustAnchors(context.directory);
  const results: RequestedService[] = [];
  for (const service of services) results.push(await requestService(enrolment, service, anchors));
  const entries = results.map(result => requestEntry(context.directory, result));
  for (const result of results) {
    if ('certificate' in result) continue;
    context.note(
      `have ${result.path} signed where the authority is: mtlsctl enroll ${result.service} --csr <file> --out <file>`,
    );
  }
  return {
    document: { schema: enrollSchema, services: entries },
    text: paint => entries.map(entry => entryText(entry, paint)).join(''),
  };
}

async function requestEnrolment(context: CommandContext, options: OptionValues): Promise<RequestEnrolment> {
  const noPassphrase = options['passphrase'] === false;
  return {
    ...(await runEnrolment(context, options)),
    passphrase: await leafPassphrase(context, options),
    noPassphrase,
  };
}

async function runEnrolment(
  context: CommandContext,
  options: OptionValues,
): Promise<Omit<RequestEnrolment, 'noPassphrase' | 'passphrase'>> {
  const config = await readConfig(context.directory);
  const asked = settingsFromFlags(options);
  return {
    directory: context.directory,
    host: context.system.host,
    config,
    revocation: await publishedRevocations(context.directory),
    force: options['force'] === true,
    now: () => context.system.now(),
    random: count => context.system.randomBytes(count),
    settings: (_service, stored) => {
      const merged = mergeFlags(stored, asked);
      return Promise.resolve({ ...merged, profile: merged.profile ?? config.defaults.profile });
    },
  };
}

function requestEntry(directory: string, result: RequestedService): ServiceEntry {
  if ('certificate' in result) {
    return certificateEntry(directory, result.plan, result.status, result.certificate);
  }
  return { service: result.service, status: result.status, request: result.path };
}

/** `enroll --csr --out`: signs where the authority is. Names come from profile and flags, never from the request. */
export async function signServiceRequest(
  context: CommandContext,
  service: string,
  options: OptionValues,
): Promise<Outcome> {
  const [csr, out] = [String(options['csr']), String(options['out'])];
  const request = readRequestFile(await readGiven(csr), csr);
  const config = await readConfig(context.directory);
  const trustAnchors = await readTrustAnchors(context.directory);
  const revocation = await publishedRevocations(context.directory);
  const issuers = localIssuers({
    directory: context.directory,
    random: count => context.system.randomBytes(count),
    passphrase: oneCaPassphrase(context, options),
    canIssue: chain => canIssue(chain, { revocation, trustAnchors, now: context.system.now() }),
    naming: namedByFlag,
    chooseAuthority: ambiguity => chooseAuthority(context, ambiguity),
  });
  const asked = mergeSettings(undefined, settingsFromFlags(options));
  const authority = asked.authority ?? (await issuers.defaultAuthority());
  const settings = { ...asked, authority, keyType: keyTypeOf(request.subjectPublicKeyInfo) ?? 'ec-p256' } as const;
  const plan = planService(service, settings, config, await issuers.certificates(authority));
  const now = context.system.now();
  const [issuer] = await issuers.certificates(authority);
  const existing = await existingAnswer({ plan, request, issuer }, out, now, options['force'] === true);
  if (existing !== undefined) return signedOutcome(context, 'unchanged', existing, plan, out);
  await refuseRevokedIssuer(context.directory, authority);
  // An authority that signs for a file that can't be written has signed for nothing.
  checkReplaceable(out);
  const as = [plan.wanted.subject, ...plan.wanted.names].join(', ');
  const by = issuer === undefined ? authority : formatName(issuer.subject);
  await confirmOrDecline(
    context,
    requestSummary(request, [`it would be signed as ${as}, valid for ${formatDuration(plan.validity)}`, `by ${by}`]),
    `sign this request as the service '${service}'?`,
  );
  const { profile, subject, names, validity } = plan;
  const publicKey = request.subjectPublicKeyInfo;
  const issued = await issuers.issue(authority, { service, profile, subject, names, validity, publicKey, now });
  for (const warning of issued.warnings) context.warn(warning);
  const [certificate] = issued.chain;
  if (certificate === undefined) throw new MtlsctlError('issued-certificate-refused', 'the issuer sent no certificate');
  await replaceFile(out, encodeCertificates(issued.chain), { mode: 0o644 });
  return signedOutcome(context, 'signed', certificate, plan, out);
}

/** What `out` holds already, if it answers this request as it is asked now. Throws `already-exists` where it holds something else. */
async function existingAnswer(
  { plan, request, issuer }: { plan: ServicePlan; request: Request; issuer: Certificate | undefined },
  out: string,
  now: number,
  force: boolean,
): Promise<Certificate | undefined> {
  const file = await readOptional(out);
  if (file === undefined || force) return undefined;
  const [certificate] = inFile(out, () =>
    readPem(file).some(({ label }) => label === 'CERTIFICATE') ? readCertificates(file) : [],
  );
  if (
    certificate !== undefined &&
    sameOctets(certificate.subjectPublicKeyInfo.der, request.subjectPublicKeyInfo.der) &&
    issuer !== undefined &&
    issuerSignature(certificate, issuer.subjectPublicKeyInfo) === 'valid'
  ) {
    const installed = { state: 'readable', certificate, chain: [], anchors: [], keyMatches: true } as const;
    if (decide(installed, plan.wanted, plan.keyType, now).length === 0) return certificate;
  }
  throw new MtlsctlError('already-exists', `${out} exists, and is not the answer to this request`, {
    hints: ['name another file with --out, or add --force to replace it'],
    details: { out },
  });
}

function signedOutcome(
  context: CommandContext,
  status: ServiceEntry['status'],
  certificate: Certificate,
  plan: ServicePlan,
  out: string,
): Outcome {
  const { key, ...entry } = certificateEntry(context.directory, plan, status, certificate);
  const shown = { ...entry, certificate: out };
  return { document: { schema: enrollSchema, services: [shown] }, text: paint => entryText(shown, paint) };
}

/** `enroll --install`: on the node again, beside the key that waits. */
export async function installAnswer(context: CommandContext, service: string, options: OptionValues): Promise<Outcome> {
  const { directory } = context;
  const root = namedRootOrder(context, options);
  const anchors = await readOptionalTrustAnchors(directory);
  const named = root === undefined ? undefined : await namedRoot(directory, root, anchors);
  const trustAnchors =
    named === undefined
      ? await readTrustAnchors(directory)
      : [...anchors.filter(each => !sameOctets(each.der, named.der)), named];
  const file = String(options['install']);
  const passphrase = (): Promise<Uint8Array> =>
    existingPassphrase(context, {
      file: options['passphraseFile'] as string | undefined,
      flag: '--passphrase-file',
      question: `the passphrase of the key of '${service}'`,
    });
  const order = { ...(await runEnrolment(context, options)), file, trustAnchors, passphrase };
  const result = await installService(order, service);
  if (named !== undefined) await trustRoot(directory, named);
  const entry = certificateEntry(directory, result.plan, result.status, result.certificate);
  return { document: { schema: enrollSchema, services: [entry] }, text: paint => entryText(entry, paint) };
}
