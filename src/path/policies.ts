import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from '../x509/certificate.ts';
import { certificatePolicies, inhibitAnyPolicy, policyConstraints, policyMappings } from '../x509/extensions.ts';
import { PolicyGraph } from './policy-graph.ts';
import { label, type Reason } from './reasons.ts';
import type { Run } from './run.ts';
import { isSelfIssued } from './self-issued.ts';

/** What the relying party brings to policy processing. RFC 5280, 6.1.1 (c), (e), (f), (g). */
export interface PolicyInput {
  /** Object identifiers; any-policy takes all. */
  readonly initialPolicySet: readonly string[];
  readonly requireExplicitPolicy: boolean;
  readonly inhibitPolicyMapping: boolean;
  readonly inhibitAnyPolicy: boolean;
}

const defaults: PolicyInput = {
  initialPolicySet: [oids.anyPolicy],
  requireExplicitPolicy: false,
  inhibitPolicyMapping: false,
  inhibitAnyPolicy: false,
};

/** Counters of certificates to go until a restriction sets in; zero is "in force". RFC 5280, 6.1.2 (d) to (f). */
interface Counters {
  explicitPolicy: number;
  inhibitAnyPolicy: number;
  policyMapping: number;
}

/** Policy processing over the chain, with the graph of RFC 9618, section 5, whose size is linear in the policies. */
export function policyReasons({ input }: Run, chain: readonly Certificate[]): readonly Reason[] {
  const policies = input.policies ?? defaults;
  const fromAnchor = chain.slice(0, -1).toReversed();
  if (!isAffected(policies, chain)) return [];
  const mapped = fromAnchor.slice(0, -1).filter(mapsAnyPolicy);
  if (mapped.length > 0) return mapped.map(ca => ({ code: 'policy-mapping-any', subject: label(ca) }));
  const accepted = policies.initialPolicySet.join(', ');
  return isAccepted(policies, fromAnchor, chain.at(-1)) ? [] : [{ code: 'policy-required', accepted }];
}

/** Without a demand for an explicit policy the outcome can't depend on policies, save for forbidden mappings. */
function isAffected(policies: PolicyInput, chain: readonly Certificate[]): boolean {
  return (
    policies.requireExplicitPolicy ||
    chain.some(certificate => policyConstraints(certificate) !== undefined || policyMappings(certificate) !== undefined)
  );
}

/** RFC 5280, 6.1.4 (a). */
function mapsAnyPolicy(certificate: Certificate): boolean {
  return (policyMappings(certificate) ?? []).some(
    ({ issuerDomainPolicy, subjectDomainPolicy }) =>
      issuerDomainPolicy === oids.anyPolicy || subjectDomainPolicy === oids.anyPolicy,
  );
}

function isAccepted(
  policies: PolicyInput,
  fromAnchor: readonly Certificate[],
  anchor: Certificate | undefined,
): boolean {
  const never = fromAnchor.length + 1;
  const counters: Counters = {
    explicitPolicy: policies.requireExplicitPolicy ? 0 : never,
    inhibitAnyPolicy: policies.inhibitAnyPolicy ? 0 : never,
    policyMapping: policies.inhibitPolicyMapping ? 0 : never,
  };
  if (anchor !== undefined) restrict(counters, anchor); // the anchor's constraints hold as an issuer's do: RFC 5937, section 3
  const graph = new PolicyGraph();
  for (const [place, certificate] of fromAnchor.entries()) {
    const isLast = place === fromAnchor.length - 1;
    step(graph, counters, certificate, isLast);
    if (counters.explicitPolicy === 0 && graph.isEmpty) return false; // RFC 5280, 6.1.3 (f)
    if (isLast) wrapUp(counters, certificate);
    else prepareNext(graph, counters, certificate);
  }
  return counters.explicitPolicy > 0 || graph.allowsAny(policies.initialPolicySet);
}

/** RFC 9618, 5.3 (d) and (e). */
function step(graph: PolicyGraph, counters: Counters, certificate: Certificate, isLast: boolean): void {
  const policies = certificatePolicies(certificate);
  if (policies === undefined) {
    graph.clear();
    return;
  }
  const named = policies.map(policy => policy.policyIdentifier);
  const anyCounts = counters.inhibitAnyPolicy > 0 || (!isLast && isSelfIssued(certificate));
  graph.descend(
    named.filter(policy => policy !== oids.anyPolicy),
    anyCounts && named.includes(oids.anyPolicy),
  );
}

/** RFC 9618, 5.4 (b); RFC 5280, 6.1.4 (h) to (j). */
function prepareNext(graph: PolicyGraph, counters: Counters, certificate: Certificate): void {
  const mappings = policyMappings(certificate);
  if (mappings !== undefined && counters.policyMapping > 0) graph.map(mappings);
  else if (mappings !== undefined) graph.remove(mappings.map(mapping => mapping.issuerDomainPolicy));
  if (!isSelfIssued(certificate)) {
    counters.explicitPolicy = Math.max(0, counters.explicitPolicy - 1);
    counters.inhibitAnyPolicy = Math.max(0, counters.inhibitAnyPolicy - 1);
    counters.policyMapping = Math.max(0, counters.policyMapping - 1);
  }
  restrict(counters, certificate);
}

function restrict(counters: Counters, issuer: Certificate): void {
  const constraints = policyConstraints(issuer);
  counters.explicitPolicy = Math.min(counters.explicitPolicy, constraints?.requireExplicitPolicy ?? Infinity);
  counters.policyMapping = Math.min(counters.policyMapping, constraints?.inhibitPolicyMapping ?? Infinity);
  counters.inhibitAnyPolicy = Math.min(counters.inhibitAnyPolicy, inhibitAnyPolicy(issuer) ?? Infinity);
}

/** RFC 5280, 6.1.5 (a) and (b). */
function wrapUp(counters: Counters, certificate: Certificate): void {
  counters.explicitPolicy = Math.max(0, counters.explicitPolicy - 1);
  if (policyConstraints(certificate)?.requireExplicitPolicy === 0) counters.explicitPolicy = 0;
}
