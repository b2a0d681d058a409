import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { Budget, budgetReason } from './budget.ts';
import { findChain } from './build.ts';
import { chainWarnings } from './conditions.ts';
import { certificatePool } from './pool.ts';
import type { PolicyInput } from './policies.ts';
import { mostUseful, type TriedPath } from './rank.ts';
import type { Reason } from './reasons.ts';
import type { ReferenceName } from './reference-names.ts';
import type { Run } from './run.ts';

export type Purpose = 'server' | 'client' | 'mutual' | 'any';

export type VerifyProfile = 'rfc5280' | 'webpki';

/** What is to be verified, against what. Arrays are remembered by identity between calls and must not change. */
export interface VerifyInput {
  readonly leaf: Certificate;
  readonly trustAnchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** What came along with the leaf and may serve as intermediates, too: apart, so that the array above can be the same for many leaves. */
  readonly presented?: readonly Certificate[] | undefined;
  /** With any given, every certificate of the chain but the anchor must be covered by one. */
  readonly crls?: readonly Crl[] | undefined;
  /** Wants them covered where no CRL is given, too, which refuses. */
  readonly requireCrl?: boolean | undefined;
  /** The time to judge by, in milliseconds since the epoch; certificates count in whole seconds. */
  readonly at: number;
  readonly purpose: Purpose;
  /** Each must be among the names of the leaf. */
  readonly names?: readonly ReferenceName[] | undefined;
  /** How many intermediates may stand between anchor and leaf; self-issued ones are not counted. */
  readonly maxDepth?: number | undefined;
  /** Milliseconds for which everything (certificates, CRLs) must still be valid. */
  readonly minRemaining?: number | undefined;
  /** Bits that the leaf's keyUsage, where it has one, must have: `digitalSignature` … (RFC 5280, 4.2.1.3). */
  readonly keyUsage?: readonly string[] | undefined;
  /** Purposes that the extendedKeyUsage must allow through the chain: names (`serverAuth`) or object identifiers. */
  readonly extendedKeyUsage?: readonly string[] | undefined;
  /** Initial values of the policy processing; the defaults are any-policy and all three indicators false. */
  readonly policies?: PolicyInput | undefined;
  readonly profile: VerifyProfile;
  /** Makes the warnings (RFC 5280, section 4) refusals. */
  readonly strict: boolean;
}

export interface Verdict {
  readonly valid: boolean;
  /** Leaf first, trust anchor last; where refused, the path of the most useful failure, as far as it went. */
  readonly chain: readonly Certificate[];
  /** All that is wrong with that path; empty exactly when `valid`. */
  readonly reasons: readonly Reason[];
  readonly warnings: readonly Reason[];
  /** Every path that was dropped on the way (at most 100 are kept), in the order they were tried. */
  readonly tried: readonly TriedPath[];
}

/**
 * Builds and validates a chain from the leaf to one of the trust anchors. A refusal is an answer, not an exception.
 * RFC 5280, section 6; RFC 4158 for the search; RFC 9525 for names.
 */
export function verifyChain(input: VerifyInput): Verdict {
  const run: Run = {
    input,
    at: Math.floor(input.at / 1000) * 1000, // dates in certificates have whole seconds: RFC 5280, 4.1.2.5
    budget: new Budget(),
    pool: certificatePool(input.trustAnchors, pools(input)),
    seen: { signatures: new Map(), certificates: new Map(), names: new Map() },
    findChain,
    tried: [],
  };
  const chain = findChain(run);
  return chain === undefined ? refused(run) : accepted(run, chain);
}

function pools({ presented = [], intermediates }: VerifyInput): readonly (readonly Certificate[])[] {
  return presented.length === 0 ? [intermediates] : [presented, intermediates];
}

function accepted(run: Run, chain: readonly Certificate[]): Verdict {
  return verdict(run, true, chain, []);
}

function refused(run: Run): Verdict {
  const best = mostUseful(run.tried) ?? { chain: [run.input.leaf], reasons: [] };
  const { exhausted } = run.budget;
  const spent = exhausted === undefined ? [] : [budgetReason(exhausted)];
  const others = best.reasons.filter(reason => reason.code !== spent[0]?.code);
  return verdict(run, false, best.chain, [...spent, ...others]);
}

/** Warnings are made when asked for: they cost as much as half a verification, and a batch has no place for them. */
function verdict(
  { input, tried }: Run,
  valid: boolean,
  chain: readonly Certificate[],
  reasons: readonly Reason[],
): Verdict {
  let warnings: readonly Reason[] | undefined;
  return {
    valid,
    chain,
    reasons,
    get warnings() {
      return (warnings ??= chainWarnings(input, chain));
    },
    tried,
  };
}
