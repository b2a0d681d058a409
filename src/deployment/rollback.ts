import { join } from 'node:path';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { listNames, removeFile } from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { describePrivateKeyFile, publicKeyOf, readPrivateKey } from '../keys/private-key.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { takeBack } from '../staging.ts';
import { sameOctets } from '../der/octets.ts';
import { type Certificate, readCertificates, serialHex } from '../x509/certificate.ts';
import { checkAsWritten, pemOf, trustRefusal } from './enroll.ts';
import { type GenerationFiles, installGeneration } from './generation.ts';
import { defaultOverlap, generationPattern, linkedGeneration } from './generation-layout.ts';
import { emptyJournal, type Journal, journalPaths, readJournal, writeJournal } from './journal.ts';
import { rolledBack } from './journal-steps.ts';
import { accessOf } from './key-access.ts';
import { outputsOf } from './outputs.ts';
import { planService, type ServicePlan } from './plan.ts';
import type { Renewal, RenewedService } from './renew.ts';
import { givenHook, type HookOutcome, hookOf, runOwedHook } from './renewal-hook.ts';
import { readServiceSettings, servicePaths, openingServiceKey } from './service.ts';

export interface RolledBackService extends Omit<RenewedService, 'status'> {
  readonly status: 'hook-failed' | 'rolled-back';
  /** Until when renewal leaves it so, in milliseconds. */
  readonly heldUntil: number;
  readonly plan: ServicePlan;
}

/**
 * Puts the certificate and key before those in force back in force, and runs the hook. They have to be such that a relying party takes now: a pair
 * that belongs together, within its time, up to the trust anchors, not revoked; else nothing is changed (`certificate-refused`, `key-mismatch`;
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
  const journal = await knownJournal(renewal, service);
  const generations = await generationsUpTo(paths.directory, linkedGeneration(paths.directory));
  const stored = await readServiceSettings(paths);
  const previous = previousGenerations(generations, journal).map(name => join(paths.directory, name));
  const found = stored === undefined ? undefined : await firstUsable(renewal, previous, now);
  if (stored === undefined || found === undefined) throw nothingBefore(service, paths.directory);
  const { generation, chain, certificate } = found;
  const settings = await renewal.settings(service, stored);
  const plan = planService(
    service,
    settings,
    renewal.config,
    [...chain.slice(1), ...renewal.trustAnchors],
    renewal.host,
  );
  const content = await filesToPutBack(renewal, plan, generation);
  const overlap = settings.overlap ?? renewal.config.defaults.overlap ?? defaultOverlap;
  const heldUntil = Math.min(now + overlap, now + Math.floor((certificate.notAfter - now) / 2));
  const hasHook = hookOf(renewal, settings, journal) !== undefined;
  const hookCommand = givenHook(renewal, journal);
  const previousSerial = generations[0]?.serial;
  const putAway = stillThere(generations, [...(journal.putAway ?? []), previousSerial ?? journal.serial]);
  const step = {
    serial: serialHex(certificate.serialNumber),
    previousSerial,
    heldUntil,
    putAway,
    hasHook,
    hookCommand,
  };
  // Before the swap: a crash between the two runs the hook once too often, and renewal knows what the person wanted.
  await writeJournal(renewal.directory, service, rolledBack(journal, step, now));
  try {
    await installGeneration(paths.directory, content, {
      ...{ now, overlap, access: accessOf(settings).access },
      random: count => renewal.random(count),
      verify: generation => checkAsWritten(generation, content),
    });
  } catch (error) {
    await takeBack([() => writeJournal(renewal.directory, service, journal)]);
    throw error;
  }
  removeFile(journalPaths(renewal.directory, service).key);
  return { plan, certificate, previousSerial, heldUntil, hasHook };
}

/**
 * The pair as it was, beside the trust anchors and the outputs of the present. They become a generation of their own: in the order of their names
 * generations are in the order in which they were in force, which says how long the files of each stay.
 */
async function filesToPutBack(renewal: Renewal, plan: ServicePlan, generation: string): Promise<GenerationFiles> {
  const text = async (name: string): Promise<string> =>
    new TextDecoder().decode(await readBounded(join(generation, name)));
  const pem = { cert: await text('cert.pem'), key: await text('key.pem'), ca: pemOf(renewal.trustAnchors) };
  return { ...pem, extra: await outputsOf(plan, pem) };
}

async function knownJournal(renewal: Renewal, service: string): Promise<Journal> {
  try {
    return (await readJournal(renewal.directory, service)) ?? emptyJournal;
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return emptyJournal;
    throw error;
  }
}

interface KnownGeneration {
  readonly name: string;
  /** Undefined where its certificate can't be read. */
  readonly serial: string | undefined;
}

/** The generation in force and those before it, the newest first. */
async function generationsUpTo(
  serviceDirectory: string,
  current: string | undefined,
): Promise<readonly KnownGeneration[]> {
  const names = (listNames(serviceDirectory) ?? [])
    .filter(name => generationPattern.test(name) && current !== undefined && name <= current)
    .sort()
    .reverse();
  return Promise.all(names.map(async name => ({ name, serial: await serialIn(join(serviceDirectory, name)) })));
}

/**
 * Those with the newest other certificate than the one in force, but none that was put away by a rollback: each goes one further back. There are
 * several where trust anchors or outputs changed in between.
 */
function previousGenerations(
  [current, ...older]: readonly KnownGeneration[],
  { serial, putAway = [] }: Journal,
): readonly string[] {
  const passedOver = new Set([current?.serial ?? serial, ...putAway]);
  const newest = older.find(each => each.serial === undefined || !passedOver.has(each.serial));
  if (newest?.serial === undefined) return newest === undefined ? [] : [newest.name];
  return older.filter(each => each.serial === newest.serial).map(({ name }) => name);
}

interface UsableGeneration {
  /** The path of its directory. */
  readonly generation: string;
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
}

/** Undefined where there are none. Throws what is wrong with the first where none can be put back. */
async function firstUsable(
  renewal: Renewal,
  generations: readonly string[],
  now: number,
): Promise<UsableGeneration | undefined> {
  let refusal: MtlsctlError | undefined;
  for (const generation of generations) {
    try {
      const chain = await checkedChain(renewal, generation, now);
      const [certificate] = chain;
      if (certificate !== undefined) return { generation, certificate, chain };
    } catch (error) {
      if (!isMtlsctlError(error)) throw error;
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
  return undefined;
}

function stillThere(
  generations: readonly KnownGeneration[],
  serials: readonly (string | undefined)[],
): readonly string[] {
  const present = new Set(generations.map(({ serial }) => serial));
  return [...new Set(serials)].filter(serial => serial !== undefined && present.has(serial)) as readonly string[];
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
  const [certificate] = chain;
  if (
    certificate === undefined ||
    !(await openingServiceKey(keyFile, () => isKeyOf(key, renewal.passphrase, certificate)))
  ) {
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
