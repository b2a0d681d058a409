import type { Certificate } from '../x509/certificate.ts';
import type { Signed } from '../x509/issuer-signature.ts';
import type { GeneralName } from '../x509/general-name.ts';
import type { SignatureOutcome } from '../x509/signature.ts';
import type { Budget } from './budget.ts';
import type { CertificatePool } from './pool.ts';
import type { TriedPath } from './rank.ts';
import type { Reason } from './reasons.ts';
import type { VerifyInput } from './verify.ts';

/** One verification under way: its input, what it may still spend, and what it has found so far. */
export interface Run {
  readonly input: VerifyInput;
  /** `input.at` in whole seconds. */
  readonly at: number;
  readonly budget: Budget;
  readonly pool: CertificatePool;
  /** What was found out in this verification and need not be paid for again. */
  readonly seen: {
    readonly signatures: Map<Signed, Map<string, SignatureOutcome>>;
    readonly certificates: Map<Certificate, Map<string, readonly Reason[]>>;
    /** Those that name constraints speak of. */
    readonly names: Map<Certificate, readonly GeneralName[]>;
  };
  /** The search itself, for signers of CRLs that stand outside the chain. */
  readonly findChain: (run: Run) => readonly Certificate[] | undefined;
  readonly tried: TriedPath[];
}

/** Dropped paths that are kept for the report; a person reads no more. */
export const keptPaths = 100;
