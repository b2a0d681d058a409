import { MtlsctlError } from '../errors.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import type { Purpose, VerifyProfile } from '../path/verify.ts';
import type { System } from '../system.ts';
import type { AllowList } from './caller.ts';
import type { Result } from './report.ts';
import { readCertificateFile, readTrust, serviceNames } from './targets.ts';
import { verifyInThreads } from './threads.ts';
import { type Grounds, verifier, verifyEach } from './verifier.ts';

/** What one run of `verify-chain` is asked. */
export interface VerificationOrder {
  readonly directory: string;
  readonly targets: readonly string[];
  readonly all: boolean;
  readonly trust: string | undefined;
  readonly untrusted: string | undefined;
  readonly crls: readonly string[];
  readonly requireCrl: boolean;
  readonly purpose: Purpose;
  readonly names: readonly ReferenceName[];
  /** Milliseconds. */
  readonly at: number;
  readonly minRemaining: number | undefined;
  readonly key: string | undefined;
  readonly profile: VerifyProfile;
  readonly strict: boolean;
  readonly maxDepth: number | undefined;
  /** The targets call this service. */
  readonly allowed?: AllowList | undefined;
}

export interface VerificationRun {
  readonly results: readonly Result[];
  /** 0 all are valid, 1 one is refused, 3 one could not be read. */
  readonly status: 0 | 1 | 3;
}

/** Below this many targets, starting threads takes longer than they save. */
const worthThreads = 1_000;

/**
 * Octets of CRLs that all threads together may hold: each has its own. With larger ones the checks are a small part of the work, and a machine of many
 * processors would run out of memory.
 */
const crlsInThreads = 64 * 1024 * 1024;

/**
 * Verifies every target, in threads where they are many. A target that can't be read is a result of its own; the others go on.
 * Throws where nothing can be judged: `usage`, and what readTrust() throws.
 */
export async function verifyTargets(
  order: VerificationOrder,
  system: Pick<System, 'threads'> = {},
): Promise<VerificationRun> {
  const names = await targetNames(order);
  const trust = await readTrust(order.directory, order);
  const untrusted = order.untrusted === undefined ? [] : await readCertificateFile(order.untrusted);
  const grounds = { ...trust, untrusted };
  const requireCrl = order.requireCrl || trust.areCrlsLost === true;
  const results = await verifyNames({ ...order, requireCrl }, names, grounds, system);
  return { results, status: statusOf(results) };
}

async function verifyNames(
  order: VerificationOrder,
  names: readonly string[],
  grounds: Grounds,
  system: Pick<System, 'threads'>,
): Promise<readonly Result[]> {
  if (names.length >= worthThreads) {
    const threads = await system.threads?.();
    const octets = (grounds.crls ?? []).reduce((sum, crl) => sum + crl.der.length, 0);
    const count = Math.min(threads?.available ?? 1, Math.floor(crlsInThreads / Math.max(octets, 1)));
    if (threads !== undefined && count > 1) return verifyInThreads(order, names, grounds, threads, count);
  }
  return verifyEach(names, verifier(order, grounds));
}

async function targetNames(order: VerificationOrder): Promise<readonly string[]> {
  if (order.all && order.targets.length > 0)
    throw new MtlsctlError('usage', '--all and named targets exclude each other');
  if (order.key !== undefined && (order.all || order.targets.length !== 1)) {
    throw new MtlsctlError('usage', '--key goes with one target');
  }
  const names = order.all ? await serviceNames(order.directory) : order.targets;
  if (names.length > 0) return names;
  // An empty list would pass without a single check.
  if (order.all) throw new MtlsctlError('not-found', `there is no service in ${order.directory}`);
  throw noTarget();
}

export function noTarget(): MtlsctlError {
  return new MtlsctlError('usage', 'nothing to verify is named', { hints: ['name files or services, or add --all'] });
}

function statusOf(results: readonly Result[]): 0 | 1 | 3 {
  if (results.some(({ error }) => error !== undefined)) return 3;
  return results.every(({ valid }) => valid) ? 0 : 1;
}
