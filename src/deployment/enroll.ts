import { basename, join } from 'node:path';
import { forEachAtOnce } from '../concurrency.ts';
import type { Config } from '../config.ts';
import { type AuthorityNaming, encodeServiceFile, type ServiceFile } from '../config/service-file.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { statPath } from '../file-operations.ts';
import { checkWritable, readBounded } from '../files.ts';
import { encodePrivateKeyPem, encryptPrivateKeyPem } from '../keys/private-key.ts';
import type { SoftwareKey } from '../keys/signer.ts';
import { keyTypeOf } from '../keys/key-types.ts';
import { generateKey } from '../keys/software.ts';
import { withLock } from '../lock.ts';
import { explain } from '../path/explain.ts';
import { type Verdict, verifyChain } from '../path/verify.ts';
import { purposeOf } from '../issuance/profile.ts';
import type { Certificate } from '../x509/certificate.ts';
import { sameOctets } from '../der/octets.ts';
import { dnsNameProblem } from '../x509/name-syntax.ts';
import { encodePem } from '../x509/pem.ts';
import { decide, type DueReason, type Installed, isOnHold } from './decision.ts';
import {
  type GenerationFiles,
  installGeneration,
  looseKeyMode,
  publicLinksMissing,
  readService,
  restorePublicLinks,
} from './generation.ts';
import { filesOf } from './generation-layout.ts';
import { accessOf, settleAccess } from './key-access.ts';
import { checkPassphrase, encryptionChanges, refuseDecryption } from './key-encryption.ts';
import { checkKeyForOutputs, checkOutputs, hasOtherOutputs, outputsOf } from './outputs.ts';
import type { RevocationCheck } from './revocation.ts';
import { refuseRevokedAuthority } from './revoked-authority.ts';
import { planService, referenceNames, type ServicePlan } from './plan.ts';
import {
  refuseLink,
  readInstalled,
  readServiceSettings,
  type ServicePaths,
  servicePaths,
  writeServiceSettings,
} from './service.ts';

/** What all enrolments of one run have in common. */
export interface Enrolment {
  readonly directory: string;
  /** The name of this machine, where it has one. */
  readonly host: string | undefined;
  readonly config: Config;
  readonly trustAnchors: readonly Certificate[];
  /** What the CRLs that are published here list. */
  readonly revocation: RevocationCheck;
  /** Encrypts the keys of leaves where it is given. */
  readonly passphrase: Uint8Array | undefined;
  /** Somebody has said that they are to be unencrypted, whatever they were. */
  readonly noPassphrase?: boolean;
  /** Whether the passphrase is tried also on keys that stay as they are: some tenths of a second each. */
  readonly triesPassphrase?: boolean;
  readonly naming: AuthorityNaming;
  /** A new certificate even where the present one is as asked. */
  readonly force: boolean;
  now(): number;
  random(count: number): Uint8Array;
  /** Works out what was asked for from what service.yaml says now; undefined where there is none. */
  settings(service: string, stored: ServiceFile | undefined): Promise<ServiceFile>;
  /** The authority's certificate and those above it. */
  issuers(settings: ServiceFile): Promise<readonly Certificate[]>;
  issue(
    plan: ServicePlan,
    key: SoftwareKey['publicKey'],
    now: number,
  ): Promise<{ chain: readonly Certificate[]; warnings: readonly string[] }>;
}

export interface EnrolledService {
  readonly service: string;
  readonly status: 'issued' | 'unchanged';
  readonly certificate: Certificate;
  readonly plan: ServicePlan;
  /** Why a new certificate was issued, or other trust anchors were put beside the one that is there. */
  readonly reasons: readonly DueReason[];
  /** For a person. */
  readonly warnings: readonly string[];
}

/**
 * Sees to it that a service has a certificate as asked: does nothing where it has, else issues one and puts it in force.
 * Whatever goes wrong, what was in force stays so.
 */
export async function enrollService(enrolment: Enrolment, service: string): Promise<EnrolledService> {
  let outcome: PromiseSettledResult<EnrolledService> | undefined;
  await enrollTogether(enrolment, [service], 1, (_service, settled) => {
    outcome = settled;
  });
  if (outcome?.status === 'fulfilled') return outcome.value;
  throw outcome?.reason;
}

/**
 * enrollService() for services that share a lock (ServicePaths), which is taken once for all of them; `atOnce` at a time. Tells of each as it is
 * done; what that throws stops the others and is thrown.
 */
export async function enrollTogether(
  enrolment: Enrolment,
  services: readonly string[],
  atOnce: number,
  tell: (service: string, outcome: PromiseSettledResult<EnrolledService>) => void,
): Promise<void> {
  const done: typeof tell = (service, outcome) => {
    tell(service, withAccess(servicePaths(enrolment.directory, service), outcome));
  };
  const rest: Unfinished[] = [];
  for (const service of services) {
    const paths = servicePaths(enrolment.directory, service);
    // Most services of a second run need nothing, and to see that takes no lock.
    const examined = await settled(examineFirst(enrolment, service, paths));
    if (examined.status === 'rejected') done(service, examined);
    else {
      const before = examined.value;
      const value = enrolledAlready(before);
      if (value !== undefined && isAsStored(before) && isWhole(before)) done(service, { status: 'fulfilled', value });
      else rest.push({ service, paths, before });
    }
  }
  const [first] = rest;
  if (first === undefined) return;
  const what = rest.length === 1 ? `service '${first.service}'` : `services '${first.service}' and others`;
  const enrollAll = (): Promise<void> =>
    forEachAtOnce(rest, atOnce, async ({ service, paths, before }) => {
      done(service, await settled(enrollLocked(enrolment, paths, before)));
    });
  const locked = await settled(withLock(first.paths.lock, () => settled(enrollAll()), { what }));
  if (locked.status === 'rejected') for (const { service } of rest) done(service, locked);
  else if (locked.value.status === 'rejected') throw locked.value.reason;
}

/** Who may read the key is seen to at last, whether or not it is a new one. */
function withAccess(
  { directory }: ServicePaths,
  outcome: PromiseSettledResult<EnrolledService>,
): PromiseSettledResult<EnrolledService> {
  if (outcome.status === 'rejected') return outcome;
  const refused = settleAccess(directory, outcome.value.plan.settings);
  if (refused.length === 0) return outcome;
  return { status: 'fulfilled', value: { ...outcome.value, warnings: [...outcome.value.warnings, ...refused] } };
}

interface Unfinished {
  readonly service: string;
  readonly paths: ServicePaths;
  readonly before: Examination;
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([work]);
  return outcome;
}

interface Examination {
  readonly now: number;
  /** Whether there is no directory yet. */
  readonly isNew: boolean;
  readonly stored: ServiceFile | undefined;
  readonly plan: ServicePlan;
  readonly installed: Installed;
  readonly reasons: readonly DueReason[];
  /** Public names that are not there. */
  readonly missingLinks: readonly string[];
  readonly hasOtherAnchors: boolean;
  readonly hasOtherOutputs: boolean;
  /** For a person. */
  readonly warnings: readonly string[];
}

/** The passphrase is tried here, without the lock, since that takes its time. --force is for another one. */
async function examineFirst(enrolment: Enrolment, service: string, paths: ServicePaths): Promise<Examination> {
  const examination = await examine(enrolment, service, paths);
  const { isNew, reasons } = examination;
  const isTried = reasons.length > 0 || enrolment.triesPassphrase === true;
  if (!isNew && !enrolment.force && isTried) await checkPassphrase(enrolment, service, paths);
  return examination;
}

/** `before` is what was found without the lock: as long as the settings are the same, so is the plan. */
async function examine(
  enrolment: Enrolment,
  service: string,
  paths: ServicePaths,
  before?: Examination,
): Promise<Examination> {
  const now = enrolment.now();
  const stored = exists(paths) ? await readServiceSettings(paths) : undefined;
  const settings = await enrolment.settings(service, stored);
  const given = { paths, stored, settings };
  const issuers = await asStored('authority', given, () => enrolment.issuers(settings));
  const isSame = before !== undefined && encodeServiceFile(settings) === encodeServiceFile(before.plan.settings);
  const plan = isSame
    ? before.plan
    : await asStored('profile', given, () => planService(service, settings, enrolment.config, issuers, enrolment.host));
  await checkOutputs(plan);
  if (!exists(paths)) {
    const installed = { state: 'missing', missing: ['cert.pem', 'key.pem'] } as const;
    const reasons = whyDue(installed, plan, enrolment, now);
    return {
      ...{ now, isNew: true, stored, plan, installed, reasons },
      missingLinks: [],
      hasOtherAnchors: false,
      hasOtherOutputs: false,
      warnings: [],
    };
  }
  const missingLinks = publicLinksMissing(paths.directory);
  const installed = await readInstalled(paths, [...issuers, ...enrolment.trustAnchors]);
  const reasons = whyDue(installed, plan, enrolment, now, await encryptionChanges(enrolment, paths.key));
  return {
    ...{ now, isNew: false, stored, plan, installed, reasons, missingLinks },
    warnings: keyWarnings(paths),
    hasOtherAnchors: installed.state === 'readable' && !sameCertificates(installed.anchors, enrolment.trustAnchors),
    hasOtherOutputs: installed.state === 'readable' && (await hasOtherOutputs(paths.directory, plan)),
  };
}

function exists(paths: ServicePaths): boolean {
  refuseLink(paths.directory);
  return statPath(paths.directory) !== undefined;
}

/** What service.yaml itself has wrong is told of that file, and not of a flag that nobody gave. */
async function asStored<T>(
  key: 'authority' | 'profile',
  { paths, stored, settings }: { paths: ServicePaths; stored: ServiceFile | undefined; settings: ServiceFile },
  use: () => Promise<T> | T,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const isStored = stored?.[key] !== undefined && stored[key] === settings[key];
    if (!isStored || !isMtlsctlError(error, key === 'profile' ? 'bad-value' : 'authority-missing')) throw error;
    throw new MtlsctlError('config-invalid', `${paths.settings}: ${key}: ${error.message}`, {
      hints: [...error.hints, `correct ${paths.settings}, or add --${key === 'profile' ? 'profile' : 'issuer'}`],
      details: { ...error.details, file: paths.settings, key },
      cause: error,
    });
  }
}

export function keyWarnings({ directory, key }: ServicePaths): readonly string[] {
  const mode = looseKeyMode(directory);
  return mode === undefined
    ? []
    : [`${key} is open to others than its owner and group (mode ${mode}): chmod 0640 ${key}`];
}

export function sameCertificates(some: readonly Certificate[], others: readonly Certificate[]): boolean {
  return (
    some.length === others.length &&
    some.every((each, index) => each === others[index] || sameOctets(each.der, others[index]?.der ?? new Uint8Array()))
  );
}

/** Undefined where a certificate has to be issued. */
function enrolledAlready({ plan, installed, reasons, warnings }: Examination): EnrolledService | undefined {
  if (reasons.length > 0 || installed.state !== 'readable') return undefined;
  const { certificate } = installed;
  return { service: plan.service, status: 'unchanged', certificate, plan, reasons, warnings };
}

/** Whether services find all files, and the trust anchors that the PKI directory has now. */
function isWhole({ missingLinks, hasOtherAnchors, hasOtherOutputs: hasOthers }: Examination): boolean {
  return missingLinks.length === 0 && !hasOtherAnchors && !hasOthers;
}

function isAsStored({ stored, plan }: Examination): boolean {
  return stored !== undefined && encodeServiceFile(stored) === encodeServiceFile(plan.settings);
}

async function enrollLocked(enrolment: Enrolment, paths: ServicePaths, before: Examination): Promise<EnrolledService> {
  const { service } = before.plan;
  const isStillNew = before.isNew && !exists(paths);
  const examination = isStillNew
    ? { ...before, now: enrolment.now() }
    : await examine(enrolment, service, paths, before);
  const done = enrolledAlready(examination);
  if (done !== undefined) {
    if (!isAsStored(examination)) await writeServiceSettings(paths, examination.plan.settings);
    const whole = await makeWhole(enrolment, paths, examination);
    return { ...done, ...whole, warnings: [...whole.warnings, ...outputWarnings(examination)] };
  }
  const { now, plan, reasons } = examination;
  if (!examination.isNew) await refuseDecryption(enrolment, service, paths);
  await refuseRevokedAuthority(enrolment, plan.settings);
  // An authority that signs for a directory that can't be written has signed for nothing.
  checkWritable(paths.directory);
  checkKeyForOutputs(plan, enrolment.passphrase !== undefined);
  const key = await generateKey(plan.keyType);
  const { chain, warnings } = await enrolment.issue(plan, key.publicKey, now);
  const certificate = await putInForce({
    ...{ enrolment, paths, plan, chain, now },
    key: await keyPem(enrolment, key),
    asked: plan.settings,
  });
  const told = [...warnings, ...droppedWarnings(plan), ...outputWarnings(examination)];
  return { service, status: 'issued', certificate, plan, reasons, warnings: told };
}

/** Files that somebody may read go away with an output that is no longer asked for. */
function outputWarnings({ stored, plan }: Examination): readonly string[] {
  const { outputs: before = [] } = stored ?? {};
  const { outputs = [] } = plan.settings;
  const gone = before.filter(kind => !outputs.includes(kind));
  if (gone.length === 0) return [];
  const all = [...before, ...outputs.filter(kind => !before.includes(kind))].map(kind => `--output ${kind}`).join(' ');
  return [`the files of ${gone.join(', ')} are no longer made; to have all: ${all}`];
}

/** Puts right what lies around a certificate that stays as it is. */
async function makeWhole(
  enrolment: Enrolment,
  paths: ServicePaths,
  { installed, plan, now, hasOtherAnchors, hasOtherOutputs: hasOthers, warnings: found }: Examination,
): Promise<Pick<EnrolledService, 'reasons' | 'warnings'>> {
  const restored = await restorePublicLinks(paths.directory);
  const warnings = [...found, ...(restored.length === 0 ? [] : [`put back what was missing: ${restored.join(', ')}`])];
  const files = hasOtherAnchors || hasOthers ? await readService(paths.directory) : undefined;
  if (files === undefined || installed.state !== 'readable') return { reasons: [], warnings };
  const key = new TextDecoder().decode(files.key);
  await putInForce({ enrolment, paths, plan, chain: installed.chain, key, now, asked: plan.settings });
  const anchors = hasOtherAnchors ? ([{ code: 'anchors-changed' }] as const) : [];
  return { reasons: [...anchors, ...(hasOthers ? ([{ code: 'outputs-changed' }] as const) : [])], warnings };
}

/** Why a service needs a new certificate, the state of its chain to the trust anchors included, and what is asked of its key (`changes`). */
export function whyDue(
  installed: Installed,
  plan: ServicePlan,
  { force, trustAnchors, revocation }: Pick<Enrolment, 'force' | 'revocation' | 'trustAnchors'>,
  now: number,
  changes: readonly DueReason[] = [],
): readonly DueReason[] {
  if (force) return [{ code: 'forced' }];
  const keyType = installed.state === 'readable' ? keyTypeOf(installed.certificate.subjectPublicKeyInfo) : undefined;
  const revoked = installed.state === 'readable' ? revocation([...installed.chain, ...trustAnchors]) : undefined;
  const found = decide(installed, plan.wanted, keyType, now, revoked);
  if (installed.state !== 'readable' || isOnHold(revoked)) return found;
  const reasons = [...found, ...changes];
  if (reasons.length > 0) return reasons;
  const refusal = consumerRefusal(plan, installed.chain, trustAnchors, now);
  return refusal === undefined ? [] : [{ code: 'unreadable', problem: refusal }];
}

function droppedWarnings({ dropped, settings }: ServicePlan): readonly string[] {
  if (dropped.length === 0) return [];
  const [excluded, unusable] = [dropped.filter(isDnsName), dropped.filter(name => !isDnsName(name))];
  return [
    ...(excluded.length === 0
      ? []
      : [
          `left out, since the constraints of '${settings.authority ?? 'the authority'}' exclude them: ${excluded.join(', ')}`,
        ]),
    ...(unusable.length === 0 ? [] : [`left out, since they can't be DNS names: ${unusable.join(', ')}`]),
  ];
}

function isDnsName(name: string): boolean {
  return dnsNameProblem(name) === undefined;
}

export function keyPem(
  enrolment: Pick<Enrolment, 'passphrase' | 'random'>,
  key: SoftwareKey,
): string | Promise<string> {
  const { passphrase } = enrolment;
  return passphrase === undefined
    ? encodePrivateKeyPem(key.pkcs8)
    : encryptPrivateKeyPem(key.pkcs8, passphrase, count => enrolment.random(count));
}

export interface Deployment {
  readonly enrolment: Pick<Enrolment, 'config' | 'random' | 'trustAnchors'>;
  readonly paths: ServicePaths;
  readonly plan: ServicePlan;
  readonly chain: readonly Certificate[];
  /** PEM. */
  readonly key: string;
  readonly now: number;
  /** What service.yaml is to say from now on; undefined where that stays. */
  readonly asked?: ServiceFile;
}

/** Installs a chain with its key, looked at as a consumer would before it is in force. service.yaml tells what was asked before the swap does it. */
export async function putInForce(deployment: Deployment): Promise<Certificate> {
  const { enrolment, paths, plan, chain, key, now, asked } = deployment;
  const overlap = plan.settings.overlap ?? enrolment.config.defaults.overlap;
  const [certificate] = chain;
  if (certificate === undefined) throw new MtlsctlError('issued-certificate-refused', 'the issuer sent no certificate');
  const pem = { cert: pemOf(chain), key, ca: pemOf(enrolment.trustAnchors) };
  const content = { ...pem, extra: await outputsOf(plan, pem) };
  await installGeneration(paths.directory, content, {
    now,
    random: count => enrolment.random(count),
    verify: generation => checkAsConsumer(generation, deployment, content),
    access: accessOf(plan.settings).access,
    ...(overlap !== undefined && { overlap }),
    ...(asked !== undefined && { together: { name: basename(paths.settings), content: encodeServiceFile(asked) } }),
  });
  return certificate;
}

export function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(certificate => encodePem('CERTIFICATE', certificate.der)).join('');
}

/** The files on disk have to be those that were looked at in memory: the pair, and a chain that a relying party takes. */
async function checkAsConsumer(
  generation: string,
  { enrolment, plan, chain, now }: Deployment,
  content: GenerationFiles,
): Promise<void> {
  await checkAsWritten(generation, content);
  const refusal = consumerRefusal(plan, chain, enrolment.trustAnchors, now);
  if (refusal === undefined) return;
  throw new MtlsctlError(
    'issued-certificate-refused',
    `a relying party would refuse what was about to be installed: ${refusal}`,
  );
}

/** Throws `unwritable` where the files on disk are not those that were looked at in memory. */
export async function checkAsWritten(generation: string, content: GenerationFiles): Promise<void> {
  for (const { name, content: octets } of filesOf(content)) {
    const file = await readBounded(join(generation, name));
    if (Buffer.compare(file, Buffer.from(octets)) === 0) continue;
    throw new MtlsctlError('unwritable', `${join(generation, name)} does not hold what was written to it`);
  }
}

/** What any relying party would say against a chain, whatever it is used for. Undefined where it would take it. */
export function trustRefusal(
  [leaf, ...intermediates]: readonly Certificate[],
  trustAnchors: readonly Certificate[],
  at: number,
): string | undefined {
  if (leaf === undefined) return 'there is no certificate';
  const input = { leaf, intermediates, trustAnchors, at, purpose: 'any', profile: 'rfc5280', strict: false } as const;
  return firstRefusal(verifyChain(input));
}

/** What a relying party would say against a chain: trust, dates, purposes and names. Undefined where it would take it. */
export function consumerRefusal(
  plan: ServicePlan,
  [leaf, ...intermediates]: readonly Certificate[],
  trustAnchors: readonly Certificate[],
  now: number,
): string | undefined {
  if (leaf === undefined) return 'there is no certificate';
  const verdict = verifyChain({
    leaf,
    trustAnchors,
    intermediates,
    at: now,
    purpose: purposeOf(plan.profile),
    names: referenceNames(plan.names),
    profile: 'rfc5280',
    strict: false,
  });
  return firstRefusal(verdict);
}

function firstRefusal({ valid, reasons: [first] }: Verdict): string | undefined {
  if (valid) return undefined;
  return first === undefined ? 'there is no chain to a trust anchor' : explain(first).message;
}
