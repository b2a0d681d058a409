import type { SubjectNames } from '../issuance/names.ts';
import type { Profile } from '../issuance/profile.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';

/** A leaf to be issued. */
export interface LeafOrder {
  readonly service: string;
  readonly profile: Profile;
  /** DER Name. */
  readonly subject: Uint8Array;
  readonly names: SubjectNames;
  readonly publicKey: SubjectPublicKeyInfo;
  /** Milliseconds. */
  readonly validity: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface IssuedLeaf {
  /** The leaf, then the intermediates; no root. */
  readonly chain: readonly Certificate[];
  /** For a person: what was done otherwise than asked for. */
  readonly warnings: readonly string[];
}

/**
 * The seam between those who need certificates and those who issue them: who turns a request into a chain. An authority whose key is here now;
 * a CA service or an ACME server are further implementations.
 */
export interface Issuers {
  /** The authority that issues where none is named. Throws `authority-missing`, `ambiguous-authority`. */
  defaultAuthority(): Promise<string>;
  /** The certificate of an authority and those above it, the root last: what limits the names that it can issue. Throws `authority-missing`. */
  certificates(authority: string): Promise<readonly Certificate[]>;
  /** Issues and records. Throws what the authority refuses, and what its key wants. */
  issue(authority: string, order: LeafOrder): Promise<IssuedLeaf>;
}
