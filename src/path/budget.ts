import type { Reason } from './reasons.ts';

/** What an attacker can multiply, and how much of it one verification spends. */
export const limits = {
  /** Go's crypto/x509 (maxChainSignatureChecks) and rustls-webpki both stop at 100. */
  signatures: 100,
  /** Names held against constraints: Go's MaxConstraintComparisions and rustls-webpki's are both 250,000. */
  names: 250_000,
  /** Steps of the search. Signatures found once are not paid again, so dead ends that share them are bounded by this. */
  paths: 1_000,
} as const;

export type BudgetKind = keyof typeof limits;

/** What one verification may still spend. Once a budget is gone the verification ends, refused. */
export class Budget {
  readonly #left: Record<BudgetKind, number> = { ...limits };
  #exhausted: BudgetKind | undefined;

  /** False when there is not enough left; from then on `exhausted` names the budget. */
  spend(kind: BudgetKind, amount = 1): boolean {
    if (this.#left[kind] < amount) this.#exhausted ??= kind;
    this.#left[kind] -= amount;
    return this.#exhausted === undefined;
  }

  get exhausted(): BudgetKind | undefined {
    return this.#exhausted;
  }
}

/** The refusal that an exhausted budget is. */
export function budgetReason(kind: BudgetKind): Reason {
  switch (kind) {
    case 'signatures':
      return { code: 'budget-signatures', limit: limits.signatures };
    case 'names':
      return { code: 'budget-names', limit: limits.names };
    case 'paths':
      return { code: 'budget-paths', limit: limits.paths };
  }
}
