import { verifyChain, type Verdict, type VerifyInput } from '../../src/path/verify.ts';
import { authority, intermediate, issue, now, type CertificateOptions, type Entity } from './certificates.ts';

export interface Tiers {
  readonly root: Entity;
  readonly site: Entity;
  readonly leaf: Entity;
}

/** Root, intermediate and leaf; valid unless told otherwise. */
export function tiers(
  deviations: {
    readonly root?: CertificateOptions;
    readonly site?: CertificateOptions;
    readonly leaf?: CertificateOptions;
  } = {},
): Tiers {
  const root = authority(deviations.root);
  const site = intermediate(root, deviations.site);
  return { root, site, leaf: issue(site, deviations.leaf) };
}

/** Judges a leaf at `now`, as a server and a client, under RFC 5280, and not strictly, unless told otherwise. */
export function judge(
  { root, site, leaf }: { readonly root: Entity; readonly site?: Entity; readonly leaf: Entity },
  input: Partial<VerifyInput> = {},
): Verdict {
  return verifyChain({
    leaf: leaf.certificate,
    trustAnchors: [root.certificate],
    intermediates: site === undefined ? [] : [site.certificate],
    at: now,
    purpose: 'mutual',
    profile: 'rfc5280',
    strict: false,
    ...input,
  });
}

export const codes = (verdict: Verdict): readonly string[] => verdict.reasons.map(reason => reason.code);
