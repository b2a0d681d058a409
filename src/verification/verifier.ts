import { join } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import { readLink } from '../file-operations.ts';
import { readBounded, readGiven } from '../files.ts';
import { label, type Reason } from '../path/reasons.ts';
import { type Verdict, verifyChain } from '../path/verify.ts';
import type { Certificate } from '../x509/certificate.ts';
import { withCallerCheck } from './caller.ts';
import { judged, type Result, unread } from './report.ts';
import type { VerificationOrder } from './run.ts';
import { SharedCertificates } from './shared-certificates.ts';
import { isService, keyMatches, readTarget, type Target, type Trust } from './targets.ts';

/** What all targets of one run are judged against, apart from what is asked. */
export interface Grounds extends Trust {
  readonly untrusted: readonly Certificate[];
}

/** Verifies one target after the other of a run. A target that can't be read is a result, too. */
export function verifier(order: VerificationOrder, grounds: Grounds): (name: string) => Promise<Result> {
  const shared = new SharedCertificates();
  const verdictOn = async (name: string): Promise<Verdict> => {
    const target = await readTarget(order.directory, name);
    const untrusted = target.untrusted.map(certificate => shared.share(certificate));
    const verdict = await withKeyCheck(judge(order, { ...target, untrusted }, grounds), target, order);
    return order.allowed === undefined ? verdict : withCallerCheck(verdict, target.leaf, order.allowed, order.strict);
  };
  return async name => {
    try {
      return judged(name, await settled(order, name, () => verdictOn(name)));
    } catch (error) {
      if (!isMtlsctlError(error)) throw error;
      return unread(name, error);
    }
  };
}

/** One after the other. */
export async function verifyEach(
  names: readonly string[],
  verify: (name: string) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const name of names) results.push(await verify(name));
  return results;
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

function judge(order: VerificationOrder, target: Target, grounds: Grounds): Verdict {
  return verifyChain({
    leaf: target.leaf,
    trustAnchors: grounds.anchors,
    intermediates: grounds.untrusted,
    presented: target.untrusted,
    crls: grounds.crls,
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
    return (await keyMatches(key, target.leaf, named ? readGiven : readBounded))
      ? undefined
      : { code: 'key-mismatch', subject, key };
  } catch (error) {
    if (named || !isMtlsctlError(error, 'passphrase-missing')) throw error;
    return { code: 'key-not-checked', subject, key };
  }
}
