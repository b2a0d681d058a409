import { inFile, isErrorCode, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { attempt, removeFile } from '../file-operations.ts';
import { checkWritable, createPrivateFile, ensureDirectory, readBounded, readOptional } from '../files.ts';
import { describePrivateKeyFile, publicKeyOf, readPrivateKey } from '../keys/private-key.ts';
import { generateKey } from '../keys/software.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { sameOctets } from '../der/octets.ts';
import { type Certificate, readCertificates, serialHex } from '../x509/certificate.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { type ClockTrouble, explainClock } from './clock.ts';
import type { DueReason } from './decision.ts';
import { type Enrolment, keyPem, pemOf, putInForce } from './enroll.ts';
import { readService, restorePublicLinks } from './generation.ts';
import { settleAccess } from './key-access.ts';
import { emptyJournal, type Journal, journalPaths, writeJournal } from './journal.ts';
import { begun, dropped, failed, inForce, issued, isWaiting, lostJournal } from './journal-steps.ts';
import { type Examination, examineForRenewal, isStillWanted, knownJournal } from './renewal-examination.ts';
import { givenHook, type HookOutcome, hookOf, runOwedHook } from './renewal-hook.ts';
import { checkKeyForOutputs } from './outputs.ts';
import { type ServicePaths, servicePaths, openingServiceKey } from './service.ts';
import { refuseRevokedAuthority } from './revoked-authority.ts';

/** What all renewals of one run have in common. */
export interface Renewal extends Enrolment {
  /** The new certificate is for the key that is there. */
  readonly reuseKey: boolean;
  /** Instead of what service.yaml and mtlsctl.yaml say. */
  readonly hook: string | undefined;
  /** An unattended run leaves what failed alone for a while. */
  readonly isPatient: boolean;
  /** What hooks get besides their own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long another process is waited for, in milliseconds; undefined as withLock() has it. */
  readonly lockPatience: number | undefined;
  /** What is wrong with the clock, if anything is. */
  readonly clock: ClockTrouble | undefined;
}

export interface RenewedService {
  readonly service: string;
  readonly status: 'failed' | 'hook-failed' | 'not-due' | 'renewed';
  readonly reasons: readonly string[];
  /** What was found before anything was done; undefined where that failed. */
  readonly examination?: Examination;
  /** The certificate in force, where it is known. */
  readonly certificate?: Certificate;
  readonly previousSerial?: string;
  readonly hook?: Journal['hook'];
  readonly error?: MtlsctlError;
  /** When an unattended run tries again, in milliseconds. */
  readonly retryAt?: number;
  readonly warnings: readonly string[];
}

/**
 * Renews one service if it is due, and goes on where a run before this one was ended or failed: a certificate that was issued is put in force, a
 * hook that is owed is run. A failure is in the result; whatever fails, what was in force stays so.
 */
export async function renewService(renewal: Renewal, service: string): Promise<RenewedService> {
  const paths = servicePaths(renewal.directory, service);
  const renewed = await renewIfDue(renewal, service, paths);
  const refused = renewed.examination && settleAccess(paths.directory, renewed.examination.plan.settings);
  return refused === undefined || refused.length === 0
    ? renewed
    : { ...renewed, warnings: [...renewed.warnings, ...refused] };
}

async function renewIfDue(renewal: Renewal, service: string, paths: ServicePaths): Promise<RenewedService> {
  let examination: Examination | undefined;
  try {
    const journal = await knownJournal(renewal.directory, service);
    examination = await examineForRenewal(renewal, service, { paths, journal });
    if (!hasWork(examination, journal)) return notDue(service, examination);
    const waiting = waitingResult(renewal, service, examination, journal);
    if (waiting !== undefined) return waiting;
    const progress = await withLock(paths.lock, () => proceed({ renewal, service, paths }), {
      what: `service '${service}'`,
      ...(renewal.lockPatience !== undefined && { timeoutMs: renewal.lockPatience }),
    });
    examination = progress.examination;
    return result(service, progress, await hookStep(renewal, service, progress));
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return await failedService(renewal, service, { paths, examination, error });
  }
}

function hasWork({ reasons, repairs }: Examination, journal: Journal): boolean {
  return reasons.length > 0 || repairs.length > 0 || journal.state !== 'done';
}

/** A hook that is owed is a reason of its own: it gets no new certificate. */
function owedBy({ state }: Journal): readonly string[] {
  return state === 'live' ? ['hook-owed'] : [];
}

function notDue(service: string, examination: Examination): RenewedService {
  const { installed, warnings } = examination;
  const certificate = installed.state === 'readable' ? { certificate: installed.certificate } : {};
  return { service, status: 'not-due', reasons: [], examination, ...certificate, warnings };
}

/** What an unattended run says of a service that it leaves alone for now. */
function waitingResult(
  { isPatient }: Renewal,
  service: string,
  examination: Examination,
  journal: Journal,
): RenewedService | undefined {
  const { failure, retryAt = 0 } = journal;
  if (!isPatient || failure === undefined || !isWaiting(journal, examination.now)) return undefined;
  // What another version of the program calls a failure is no reason to wait.
  if (!isErrorCode(failure.code)) return undefined;
  const isHook = failure.code === 'hook-failed';
  // Another certificate does not wait for the hook of the last one.
  if (isHook && examination.reasons.length > 0) return undefined;
  return {
    ...notDue(service, examination),
    status: isHook ? 'hook-failed' : 'failed',
    reasons: codesOf(examination, journal),
    error: new MtlsctlError(failure.code, failure.message, {
      hints: [...failure.hints, `try at once: mtlsctl renew ${service}`],
      details: { retryAt: formatInstant(retryAt) },
    }),
    retryAt,
  };
}

function codesOf({ reasons, repairs }: Examination, journal: Journal): readonly string[] {
  const found = [...reasons, ...repairs].map(reason => reason.code);
  if (found.length > 0) return found;
  return journal.state === 'live' ? owedBy(journal) : journal.reasons;
}

interface Work {
  readonly renewal: Renewal;
  readonly service: string;
  readonly paths: ServicePaths;
}

/** How far the locked part came. */
interface Progress {
  readonly examination: Examination;
  readonly journal: Journal;
  readonly status: 'not-due' | 'renewed';
  readonly reasons: readonly string[];
  readonly certificate: Certificate | undefined;
  readonly previousSerial: string | undefined;
  readonly warnings: readonly string[];
}

async function proceed(work: Work): Promise<Progress> {
  const { renewal, service, paths } = work;
  const before = await knownJournal(renewal.directory, service);
  if (before === lostJournal) await writeJournal(renewal.directory, service, before);
  // A key whose certificate was never issued, or is not known, is of no use.
  if (before.state !== 'issued') removeFile(journalPaths(renewal.directory, service).key);
  const { journal, isResumed } =
    before.state === 'issued' ? await resume(work, before) : { journal: before, isResumed: false };
  // What was issued before the crash is what --force asks for.
  const force = renewal.force && !isResumed;
  const examination = await examineForRenewal({ ...renewal, force }, service, { paths, journal });
  if (examination.reasons.length > 0) return issueAndInstall(work, examination, journal);
  if (examination.repairs.length > 0) return repair(work, examination, journal);
  const status = isResumed ? 'renewed' : 'not-due';
  if (journal.state === 'live' || isResumed) return progressOf(examination, journal, { status });
  const settled = dropped(journal, serialInForce(examination), examination.now);
  if (journal.state !== 'done') await writeJournal(renewal.directory, service, settled);
  return progressOf(examination, settled, { status });
}

function serialInForce({ installed }: Examination): string | undefined {
  return installed.state === 'readable' ? serialHex(installed.certificate.serialNumber) : undefined;
}

function progressOf(
  examination: Examination,
  journal: Journal,
  changes: Partial<Progress> & Pick<Progress, 'status'>,
): Progress {
  const { installed, warnings } = examination;
  return {
    ...{
      examination,
      journal,
      reasons: changes.status === 'renewed' ? journal.reasons : owedBy(journal),
    },
    certificate: installed.state === 'readable' ? installed.certificate : undefined,
    previousSerial: journal.previousSerial,
    warnings,
    ...changes,
  };
}

/** A certificate that was issued before a crash is put in force, if it is still what is asked for. */
async function resume(work: Work, journal: Journal): Promise<{ journal: Journal; isResumed: boolean }> {
  const { renewal, service, paths } = work;
  const key = journalPaths(renewal.directory, service).key;
  const examination = await examineForRenewal({ ...renewal, force: false }, service, { paths, journal });
  const { plan, installed, now } = examination;
  const chain = chainOf(journal);
  const [certificate] = chain;
  const isThere =
    certificate !== undefined &&
    installed.state === 'readable' &&
    installed.keyMatches &&
    sameOctets(installed.certificate.der, certificate.der);
  const waiting = isThere || certificate === undefined ? undefined : await waitingKey(work, certificate);
  if (!isThere && (waiting === undefined || !isStillWanted(chain, examination, renewal))) {
    removeFile(key);
    return { journal: dropped(journal, serialInForce(examination), now), isResumed: false };
  }
  if (waiting !== undefined) await putInForce({ enrolment: renewal, paths, plan, chain, key: waiting, now });
  const next = await saveInForce(work, examination, journal, journal);
  return { journal: next, isResumed: true };
}

function chainOf({ chain = '' }: Journal): readonly Certificate[] {
  try {
    return readCertificates(new TextEncoder().encode(chain));
  } catch (error) {
    if (isMtlsctlError(error)) return [];
    throw error;
  }
}

/** The key that waits beside the journal, if it is that of the certificate. One that is encrypted is taken for it. */
async function waitingKey({ renewal, service }: Work, certificate: Certificate): Promise<string | undefined> {
  const file = await readOptional(journalPaths(renewal.directory, service).key);
  if (file === undefined) return undefined;
  try {
    if (!describePrivateKeyFile(file).encrypted) {
      const own = publicKeyOf(await readPrivateKey(file, undefined));
      if (!sameOctets(own.der, certificate.subjectPublicKeyInfo.der)) return undefined;
    }
    return new TextDecoder().decode(file);
  } catch (error) {
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}

interface Step {
  readonly serial?: string;
  readonly previousSerial?: string | undefined;
  readonly reasons: readonly string[];
}

async function saveInForce(work: Work, { plan, now }: Examination, journal: Journal, step: Step): Promise<Journal> {
  const { renewal, service } = work;
  const hasHook = hookOf(renewal, plan.settings, journal) !== undefined;
  const hookCommand = givenHook(renewal, journal);
  const { serial = '', previousSerial, reasons } = step;
  const next = inForce(journal, { serial, previousSerial, reasons, hasHook, hookCommand }, now);
  // In force, it lies where services read it. The journal is last: until then the next run does all of this again.
  removeFile(journalPaths(renewal.directory, service).key);
  await writeJournal(renewal.directory, service, next);
  return next;
}

async function issueAndInstall(work: Work, examination: Examination, journal: Journal): Promise<Progress> {
  const { renewal, service, paths } = work;
  const { plan, now } = examination;
  refuseWrongClock(renewal, examination);
  await refuseRevokedAuthority(renewal, plan.settings);
  // An authority that signs for a directory that can't be written has signed for nothing.
  checkWritable(paths.directory);
  const previousSerial = serialInForce(examination);
  const reasons = examination.reasons.map(reason => reason.code);
  const due = begun(journal, reasons, previousSerial, now);
  await writeJournal(renewal.directory, service, due);
  const key = await nextKey(work, examination);
  checkKeyForOutputs(plan, describePrivateKeyFile(new TextEncoder().encode(key.pem)).encrypted);
  await keepWaitingKey(work, key.pem);
  const { chain, warnings } = await renewal.issue(plan, key.publicKey, now);
  const [certificate] = chain;
  if (certificate === undefined) throw new MtlsctlError('issued-certificate-refused', 'the issuer sent no certificate');
  const step = { serial: serialHex(certificate.serialNumber), previousSerial, reasons };
  const signed = issued(due, { ...step, chain: pemOf(chain), hookCommand: givenHook(renewal, due) }, now);
  await writeJournal(renewal.directory, service, signed);
  await putInForce({ enrolment: renewal, paths, plan, chain, key: key.pem, now });
  const next = await saveInForce(work, examination, signed, step);
  return progressOf(examination, next, {
    ...{ status: 'renewed', certificate, previousSerial, reasons },
    warnings: [...examination.warnings, ...warnings],
  });
}

/** What would be issued with a wrong time begins or ends at a wrong time. What a person asks for by name is done. */
function refuseWrongClock({ clock, force }: Renewal, { now }: Examination): void {
  if (clock?.kind !== 'behind' || force) return;
  throw new MtlsctlError('clock-wrong', explainClock(clock, now), {
    hints: ['timedatectl', "if the clock is right and was wrong then: 'mtlsctl renew --force'"],
    details: { now: formatInstant(now), newest: formatInstant(clock.newest) },
  });
}

interface NextKey {
  readonly pem: string;
  readonly publicKey: SubjectPublicKeyInfo;
}

async function nextKey(work: Work, examination: Examination): Promise<NextKey> {
  const { renewal, paths } = work;
  if (renewal.reuseKey) return reusedKey(work, examination);
  const { installed, plan } = examination;
  const passphrase = installed.state === 'readable' ? await passphraseInForce(renewal, paths) : renewal.passphrase;
  const key = await generateKey(plan.keyType);
  return { pem: await keyPem({ ...renewal, passphrase }, key), publicKey: key.publicKey };
}

/** A key that is encrypted gets a successor that the same passphrase opens; one that is not, one that is not. */
async function passphraseInForce({ passphrase }: Renewal, paths: ServicePaths): Promise<Uint8Array | undefined> {
  const file = await readBounded(paths.key);
  if (!inFile(paths.key, () => describePrivateKeyFile(file)).encrypted) return undefined;
  if (passphrase !== undefined) {
    await openingServiceKey(paths.key, () => readPrivateKey(file, passphrase));
    return passphrase;
  }
  throw new MtlsctlError('passphrase-missing', `${paths.key} is encrypted, and so has the next key to be`, {
    hints: ['give its passphrase with --passphrase-file <path>'],
    details: { path: paths.key },
  });
}

/** Reasons that say something against the key that is there. */
const againstKey: ReadonlySet<DueReason['code']> = new Set<DueReason['code']>([
  'key-type-changed',
  'pair-mismatch',
  'revoked',
]);

async function reusedKey({ service, paths }: Work, { installed, reasons }: Examination): Promise<NextKey> {
  const reason = reasons.find(each => againstKey.has(each.code));
  const files = installed.state === 'readable' && reason === undefined ? await readService(paths.directory) : undefined;
  if (files === undefined || installed.state !== 'readable') {
    throw new MtlsctlError(
      'policy-refused',
      `the key of '${service}' can't be used again: ${reason?.code ?? installed.state}`,
      {
        hints: [`leave --reuse-key out: mtlsctl renew ${service}`],
      },
    );
  }
  return { pem: new TextDecoder().decode(files.key), publicKey: installed.certificate.subjectPublicKeyInfo };
}

async function keepWaitingKey({ renewal, service }: Work, pem: string): Promise<void> {
  const paths = journalPaths(renewal.directory, service);
  await ensureDirectory(paths.directory, 0o700);
  removeFile(paths.key);
  await createPrivateFile(paths.key, pem);
}

/** Puts right what lies around a certificate that can stay. */
async function repair(work: Work, examination: Examination, journal: Journal): Promise<Progress> {
  const { renewal, service, paths } = work;
  const { installed, plan, repairs, now } = examination;
  const reasons = repairs.map(reason => reason.code);
  await restorePublicLinks(paths.directory);
  const files =
    reasons.includes('anchors-changed') || reasons.includes('outputs-changed')
      ? await readService(paths.directory)
      : undefined;
  if (files === undefined || installed.state !== 'readable') {
    const settled = journal.state === 'due' ? dropped(journal, serialInForce(examination), now) : journal;
    if (settled !== journal) await writeJournal(renewal.directory, service, settled);
    return progressOf(examination, settled, { status: 'renewed', reasons });
  }
  const key = new TextDecoder().decode(files.key);
  await putInForce({ enrolment: renewal, paths, plan, chain: installed.chain, key, now });
  const serial = serialHex(installed.certificate.serialNumber);
  const next = await saveInForce(work, examination, journal, { serial, previousSerial: serial, reasons });
  return progressOf(examination, next, { status: 'renewed', reasons });
}

async function hookStep(renewal: Renewal, service: string, progress: Progress): Promise<HookOutcome> {
  if (progress.journal.state !== 'live' || progress.certificate === undefined) return { status: 'none' };
  const { plan } = progress.examination;
  return runOwedHook(renewal, { service, plan, serial: serialHex(progress.certificate.serialNumber) });
}

function result(service: string, progress: Progress, outcome: HookOutcome): RenewedService {
  const { examination, certificate, previousSerial, reasons } = progress;
  const status = outcome.status === 'failed' ? 'hook-failed' : outcome.status === 'done' ? 'renewed' : progress.status;
  return {
    ...{ service, status, reasons, examination },
    ...(certificate !== undefined && { certificate }),
    ...(previousSerial !== undefined && { previousSerial }),
    ...('run' in outcome && { hook: outcome.run }),
    ...('error' in outcome && { error: outcome.error, retryAt: outcome.retryAt }),
    warnings: [...progress.warnings, ...('note' in outcome ? [outcome.note] : [])],
  };
}

interface Failure {
  readonly paths: ServicePaths;
  readonly examination: Examination | undefined;
  readonly error: MtlsctlError;
}

async function failedService(
  renewal: Renewal,
  service: string,
  { paths, examination, error: original }: Failure,
): Promise<RenewedService> {
  const error = examination === undefined ? original : asUnreachable(original, service, examination);
  const retryAt = error.code === 'lock-held' ? undefined : await recordFailure(renewal, service, paths, error);
  const found = examination === undefined ? undefined : notDue(service, examination);
  return {
    ...(found ?? { service, warnings: [] }),
    status: 'failed',
    reasons: examination === undefined ? [] : codesOf(examination, emptyJournal),
    error,
    ...(retryAt !== undefined && { retryAt }),
  };
}

/** An authority that is elsewhere is no failure of the service as long as what it has is good. */
function asUnreachable(error: MtlsctlError, service: string, { installed, reasons, now }: Examination): MtlsctlError {
  if (error.code !== 'authority-missing' && error.code !== 'key-missing') return error;
  const isGood =
    installed.state === 'readable' && reasons.every(({ code }) => code === 'renewal-time-reached' || code === 'forced');
  if (!isGood || installed.certificate.notAfter < now) return error;
  const until = formatInstant(installed.certificate.notAfter);
  return new MtlsctlError('ca-unreachable', `${error.message}; what is installed is valid until ${until}`, {
    hints: [`ask where it is: mtlsctl enroll ${service} --request`],
    details: { ...error.details, notAfter: until },
    cause: error,
  });
}

/**
 * For the next run and for `status`; where that can't be written either, the failure itself is the one worth reporting. Returns when an
 * unattended run tries again.
 */
async function recordFailure(
  renewal: Renewal,
  service: string,
  paths: ServicePaths,
  error: MtlsctlError,
): Promise<number | undefined> {
  try {
    return await withLock(paths.lock, async () => {
      const now = renewal.now();
      const journal = await knownJournal(renewal.directory, service);
      // In its pause, a service that still can't be looked at has not been tried.
      if (renewal.isPatient && isWaiting(journal, now)) return journal.retryAt;
      const next = failed(journal, error, now);
      if (next.state !== 'issued') attempt(() => removeFile(journalPaths(renewal.directory, service).key));
      await writeJournal(renewal.directory, service, next);
      return next.retryAt;
    });
  } catch (recording) {
    if (!isMtlsctlError(recording)) throw recording;
    return undefined;
  }
}
