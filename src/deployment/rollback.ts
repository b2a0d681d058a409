import { join } from 'node:path';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { listNames, removeFile } from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { describePrivateKeyFile, publicKeyOf, readPrivateKey } from '../keys/private-key.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { sameOctets } from '../der/octets.ts';
import { type Certificate, readCertificates, serialHex } from '../x509/certificate.ts';
import { trustRefusal } from './enroll.ts';
import { installGeneration, linkGeneration } from './generation.ts';
import { defaultOverlap, generationPattern, linkedGeneration } from './generation-layout.ts';
import { emptyJournal, type Journal, journalPaths, readJournal, writeJournal } from './journal.ts';
import { rolledBack } from './journal-steps.ts';
import { accessOf } from './key-access.ts';
import { lacksOutputs, outputsOf } from './outputs.ts';
import { planService, type ServicePlan } from './plan.ts';
import type { Renewal, RenewedService } from './renew.ts';
import { type HookOutcome, hookOf, runOwedHook } from './renewal-hook.ts';
import { readServiceSettings, servicePaths } from './service.ts';

export interface RolledBackService extends Omit<RenewedService, 'status'> {
  readonly status: 'hook-failed' | 'rolled-back';
  /** Until when renewal leaves it so, in milliseconds. */
  readonly heldUntil: number;
  readonly plan: ServicePlan;
}

/**
 * Puts the generation before the one in force back in force, and runs the hook. It has to be one that a relying party takes now: a pair that
 * belongs together, within its time, up to the trust anchors, not revoked; else nothing is changed (`certificate-refused`, `key-mismatch`;
 * `not-found` where there is no earlier one). Whoever rolls back wants to find out what is wrong: renewal replaces what was put back only for
 * reasons that can't wait, for as long as the overlap lasts, but not beyond half of what is left of its life.
 */
export async function rollBackService(renewal: Renewal, service: string): Promise<RolledBackService> {
  const paths = servicePaths(renewal.directory, service);
  const swapped = await withLock(paths.lock, () => swapBack(renewal, service), { what: `service '${service}'` });
  const { plan, certificate, previousSerial, heldUntil } = swapped;
  const serial = serialHex(certificate.serialNumber);
  const outcome = swapped.hasHook ? await runOwedHook(renewal, { service, plan, serial }) : none;
  const until = `renewal leaves it so until ${formatInstant(heldUntil)}; 'mtlsctl renew ${service} --force' ends that`;
  return {
    ...{ service, plan, certificate, heldUntil, reasons: [], warnings: [until] },
    status: outcome.status === 'failed' ? 'hook-failed' : 'rolled-back',
    ...(previousSerial !== undefined && { previousSerial }),
    ...('run' in outcome && { hook: outcome.run }),
    ...('error' in outcome && { error: outcome.error }),
  };
}

const none: HookOutcome = { status: 'none' };

interface Swapped {
  readonly plan: ServicePlan;
  readonly certificate: Certificate;
  readonly previousSerial: string | undefined;
  readonly heldUntil: number;
  readonly hasHook: boolean;
}

async function swapBack(renewal: Renewal, service: string): Promise<Swapped> {
  const paths = servicePaths(renewal.directory, service);
  const now = renewal.now();
  const current = linkedGeneration(paths.directory);
  const journal = await knownJournal(renewal, service);
  const previous = await previousGeneration(paths.directory, current, journal);
  if (previous === undefined) throw nothingBefore(service, paths.directory);
  const chain = await checkedChain(renewal, join(paths.directory, previous), now);
  const [certificate] = chain;
  const stored = await readServiceSettings(paths);
  if (certificate === undefined || stored === undefined) throw nothingBefore(service, paths.directory);
  const settings = await renewal.settings(service, stored);
  const plan = planService(
    service,
    settings,
    renewal.config,
    [...chain.slice(1), ...renewal.trustAnchors],
    renewal.host,
  );
  const overlap = settings.overlap ?? renewal.config.defaults.overlap ?? defaultOverlap;
  const heldUntil = Math.min(now + overlap, now + Math.floor((certificate.notAfter - now) / 2));
  const hasHook = hookOf(renewal, settings) !== undefined;
  const replaced = await serialIn(join(paths.directory, current ?? previous));
  const step = { serial: serialHex(certificate.serialNumber), previousSerial: replaced, heldUntil, hasHook };
  // Before the swap: a crash between the two runs the hook once too often, and renewal knows what the person wanted.
  await writeJournal(renewal.directory, service, rolledBack(journal, step, now));
  removeFile(journalPaths(renewal.directory, service).key);
  await putBack(renewal, plan, { directory: paths.directory, previous, overlap, now });
  return { plan, certificate, previousSerial: replaced, heldUntil, hasHook };
}

interface PutBack {
  readonly directory: string;
  /** The name of a generation. */
  readonly previous: string;
  readonly overlap: number;
  readonly now: number;
}

/** A generation that was made when service.yaml asked for other outputs is made once more with those of the present: the service reads them. */
async function putBack(renewal: Renewal, plan: ServicePlan, what: PutBack): Promise<void> {
  const { directory, previous, overlap, now } = what;
  const generation = join(directory, previous);
  if (!lacksOutputs(generation, plan.settings)) return linkGeneration(directory, previous);
  const text = async (name: string): Promise<string> =>
    new TextDecoder().decode(await readBounded(join(generation, name)));
  const pem = { cert: await text('cert.pem'), key: await text('key.pem'), ca: await text('ca.pem') };
  const { access } = accessOf(plan.settings);
  const random = (count: number): Uint8Array => renewal.random(count);
  await installGeneration(directory, { ...pem, extra: await outputsOf(plan, pem) }, { now, random, access, overlap });
}

async function knownJournal(renewal: Renewal, service: string): Promise<Journal> {
  try {
    return (await readJournal(renewal.directory, service)) ?? emptyJournal;
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return emptyJournal;
    throw error;
  }
}

/** Of those that are older than the one in force the one that was in force before it, as the journal has it; else the newest. */
async function previousGeneration(
  serviceDirectory: string,
  current: string | undefined,
  { previousSerial }: Journal,
): Promise<string | undefined> {
  const older = (listNames(serviceDirectory) ?? [])
    .filter(name => generationPattern.test(name) && current !== undefined && name < current)
    .sort()
    .reverse();
  for (const name of older) {
    if (previousSerial !== undefined && (await serialIn(join(serviceDirectory, name))) === previousSerial) return name;
  }
  return older[0];
}

function nothingBefore(service: string, serviceDirectory: string): MtlsctlError {
  return new MtlsctlError('not-found', `there is no earlier certificate of '${service}' to put back`, {
    hints: [`ls -la ${serviceDirectory}`, `a new one: mtlsctl renew ${service} --force`],
    details: { service },
  });
}

async function checkedChain(renewal: Renewal, generation: string, now: number): Promise<readonly Certificate[]> {
  const [certFile, keyFile] = [join(generation, 'cert.pem'), join(generation, 'key.pem')];
  const cert = await readBounded(certFile);
  const chain = inFile(certFile, () => readCertificates(cert));
  const key = await readBounded(keyFile);
  inFile(keyFile, () => describePrivateKeyFile(key));
  await readBounded(join(generation, 'ca.pem'));
  const [certificate] = chain;
  if (certificate === undefined || !(await isKeyOf(key, renewal.passphrase, certificate))) {
    throw new MtlsctlError('key-mismatch', `the key in ${generation} is not that of the certificate beside it`, {
      hints: ['a new pair: mtlsctl renew <service> --force'],
    });
  }
  const revocation = renewal.revocation([...chain, ...renewal.trustAnchors]);
  const refusal =
    revocation === undefined
      ? trustRefusal(chain, renewal.trustAnchors, now)
      : `${revocation.subject} was revoked at ${formatInstant(revocation.revocationDate)} (${revocation.reason})`;
  if (refusal === undefined) return chain;
  throw new MtlsctlError('certificate-refused', `the certificate in ${generation} can't be put back: ${refusal}`, {
    hints: [`look at it with 'mtlsctl inspect ${certFile}'`],
  });
}

async function isKeyOf(
  file: Uint8Array,
  passphrase: Uint8Array | undefined,
  certificate: Certificate,
): Promise<boolean> {
  if (describePrivateKeyFile(file).encrypted && passphrase === undefined) return true;
  const own = publicKeyOf(await readPrivateKey(file, passphrase));
  return sameOctets(own.der, certificate.subjectPublicKeyInfo.der);
}

async function serialIn(generation: string): Promise<string | undefined> {
  try {
    const [certificate] = readCertificates(await readBounded(join(generation, 'cert.pem')));
    return certificate && serialHex(certificate.serialNumber);
  } catch (error) {
    // What is put away may well be broken.
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}
