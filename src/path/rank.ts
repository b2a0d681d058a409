import type { Certificate } from '../x509/certificate.ts';
import type { Reason, ReasonCode } from './reasons.ts';
import { isRuleCode } from './rules.ts';

/** A path that was looked at and dropped: leaf first, as far as it went, and all that is wrong with it. */
export interface TriedPath {
  readonly chain: readonly Certificate[];
  readonly reasons: readonly Reason[];
}

/**
 * Reasons that say a path was no path: no trust anchor was reached. A path which led to an anchor and failed there tells more.
 */
const dead: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'issuer-cycle',
  'issuer-not-found',
  'root-not-trusted',
  'signature-invalid',
  'signature-unsupported',
]);

/** Among dead ends: a root that is not trusted tells more than a signature that fits nothing, and that more than an empty pool. */
const deadRank: Partial<Record<ReasonCode, number>> = {
  'signature-unsupported': 3,
  'signature-invalid': 2,
  'issuer-cycle': 1,
  'root-not-trusted': 1,
};

/**
 * Of several dropped paths the one to report: first those that reached a trust anchor, among these the one with the fewest
 * things wrong (a repair of them makes the chain valid), then the longest.
 */
export function mostUseful(paths: readonly TriedPath[]): TriedPath | undefined {
  return paths.reduce<TriedPath | undefined>(
    (best, path) => (best === undefined || usefulness(path) > usefulness(best) ? path : best),
    undefined,
  );
}

function usefulness(path: TriedPath): number {
  const reached = path.reasons.some(reason => dead.has(reason.code)) ? 0 : 1;
  const kind = Math.max(0, ...path.reasons.map(reason => deadRank[reason.code] ?? 0));
  const wrong = path.reasons.filter(reason => !isRuleCode(reason.code)).length;
  return reached * 1e6 + kind * 1e5 - Math.min(wrong, 99) * 1e3 - Math.min(path.reasons.length - wrong, 99) * 10;
}
