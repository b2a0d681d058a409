import { join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { readLink } from '../file-operations.ts';
import { label, type Reason } from '../path/reasons.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import { type Purpose, type Verdict, verifyChain, type VerifyProfile } from '../path/verify.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Result } from './report.ts';
import {
  isService,
  keyMatches,
  readCertificateFile,
  readTarget,
  readTrust,
  serviceNames,
  type Target,
  type Trust,
} from './targets.ts';

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
}

export interface VerificationRun {
  readonly results: readonly Result[];
  /** 0 all are valid, 1 one is refused, 3 one could not be read. */
  readonly status: 0 | 1 | 3;
}

/**
 * Verifies every target. A target that can't be read is a result of its own; the others go on.
 * Throws where nothing can be judged: `usage`, and what readTrust() throws.
 */
export async function verifyTargets(order: VerificationOrder): Promise<VerificationRun> {
  const names = await targetNames(order);
  const trust = await readTrust(order.directory, order);
  const untrusted = order.untrusted === undefined ? [] : await readCertificateFile(order.untrusted);
  const results: Result[] = [];
  for (const name of names) results.push(await verifyOne(order, name, trust, untrusted));
  return { results, status: statusOf(results) };
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
  throw new MtlsctlError('usage', 'nothing to verify is named', { hints: ['name files or services, or add --all'] });
}

async function verifyOne(
  order: VerificationOrder,
  name: string,
  trust: Trust,
  untrusted: readonly Certificate[],
): Promise<Result> {
  try {
    return { target: name, verdict: await settled(order, name, () => verdictOn(order, name, trust, untrusted)) };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { target: name, error: { code: error.code, message: error.message, hints: error.hints } };
  }
}

/** A swap between two readings makes certificate and key seem not to match: what was read across one does not count. */
async function settled(order: VerificationOrder, name: string, read: () => Promise<Verdict>): Promise<Verdict> {
  const link = join(order.directory, name, '..data');
  const generation = (): string | undefined => (isService(order.directory, name) ? readLink(link) : undefined);
  for (let before = generation(); ;) {
    const verdict = await read();
    const after = generation();
    if (verdict.valid || before === after) return verdict;
    before = after;
  }
}

async function verdictOn(
  order: VerificationOrder,
  name: string,
  trust: Trust,
  untrusted: readonly Certificate[],
): Promise<Verdict> {
  const target = await readTarget(order.directory, name);
  return withKeyCheck(judge(order, target, trust, untrusted), target, order);
}

function judge(order: VerificationOrder, target: Target, trust: Trust, untrusted: readonly Certificate[]): Verdict {
  return verifyChain({
    leaf: target.leaf,
    trustAnchors: trust.anchors,
    intermediates: target.untrusted.length === 0 ? untrusted : [...target.untrusted, ...untrusted],
    crls: trust.crls,
    requireCrl: order.requireCrl,
    at: order.at,
    purpose: order.purpose,
    names: order.names,
    maxDepth: order.maxDepth,
    minRemaining: order.minRemaining,
    profile: order.profile,
    strict: order.strict,
  });
}

/** A chain without its key is of no use: the pair is checked where a key is named, and for every service. */
async function withKeyCheck(
  verdict: Verdict,
  target: Target,
  { key: named, strict }: VerificationOrder,
): Promise<Verdict> {
  const key = named ?? target.key;
  if (key === undefined) return verdict;
  const reason = await keyReason(key, target, named !== undefined);
  if (reason === undefined) return verdict;
  const { chain, tried, warnings, reasons } = verdict;
  // What could not be checked is no pass under --strict, and never goes unsaid.
  if (reason.code === 'key-not-checked' && !strict)
    return { ...verdict, chain, tried, warnings: [...warnings, reason] };
  return { ...verdict, valid: false, chain, tried, warnings, reasons: [...reasons, reason] };
}

async function keyReason(key: string, target: Target, named: boolean): Promise<Reason | undefined> {
  const subject = label(target.leaf);
  try {
    return (await keyMatches(key, target.leaf)) ? undefined : { code: 'key-mismatch', subject, key };
  } catch (error) {
    if (named || !isMtlsctlError(error, 'passphrase-missing')) throw error;
    return { code: 'key-not-checked', subject, key };
  }
}

function statusOf(results: readonly Result[]): 0 | 1 | 3 {
  if (results.some(result => 'error' in result)) return 3;
  return results.every(result => 'verdict' in result && result.verdict.valid) ? 0 : 1;
}
