import { oids } from '../der/object-identifiers.ts';

interface Node {
  readonly policy: string;
  expected: ReadonlySet<string>;
  readonly parents: ReadonlySet<Node>;
}

type Level = Map<string, Node>;

interface Mapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/**
 * The valid_policy_graph of RFC 9618, 5.1: a level for each certificate, in which a policy stands once whatever the number of its parents. The
 * tree that it replaces doubles with every level of a hostile chain (CVE-2023-0464).
 */
export class PolicyGraph {
  #levels: Level[] = [new Map([[oids.anyPolicy, node(oids.anyPolicy, [])]])];

  /** The NULL of the RFC: no policy is valid for the whole path. */
  get isEmpty(): boolean {
    return this.#levels.length === 0;
  }

  clear(): void {
    this.#levels = [];
  }

  /** Adds the level of a certificate that has these policies, and any-policy where it counts. RFC 9618, 5.3 (d). */
  descend(policies: readonly string[], withAny: boolean): void {
    const last = this.#levels.at(-1);
    if (last === undefined) return;
    const expecting = byExpected(last);
    const any = last.get(oids.anyPolicy);
    const level: Level = new Map();
    for (const policy of policies) {
      const parents = expecting.get(policy) ?? (any && [any]);
      if (parents !== undefined) level.set(policy, node(policy, parents));
    }
    if (withAny) {
      for (const [policy, parents] of expecting) {
        if (!level.has(policy)) level.set(policy, node(policy, parents));
      }
    }
    this.#levels.push(level);
    this.#prune();
  }

  /** What the last level expects below, by a CA's mappings. RFC 9618, 5.4 (b) (1). */
  map(mappings: readonly Mapping[]): void {
    const last = this.#levels.at(-1);
    if (last === undefined) return;
    const any = last.get(oids.anyPolicy);
    for (const [policy, expected] of byIssuerPolicy(mappings)) {
      const mapped = last.get(policy) ?? (any && node(policy, any.parents));
      if (mapped === undefined) continue;
      mapped.expected = expected;
      last.set(policy, mapped);
    }
  }

  /** Policies that may not be mapped and are. RFC 9618, 5.4 (b) (2). */
  remove(policies: readonly string[]): void {
    const last = this.#levels.at(-1);
    if (last === undefined) return;
    for (const policy of policies) last.delete(policy);
    this.#prune();
  }

  /** Whether a policy that the relying party takes is valid for the path. RFC 9618, 5.5 (g). */
  allowsAny(initialPolicySet: readonly string[]): boolean {
    if (this.isEmpty) return false;
    if (initialPolicySet.includes(oids.anyPolicy) || this.#levels.at(-1)?.has(oids.anyPolicy) === true) return true;
    return this.#levels.some(level =>
      [...level.values()].some(
        ({ policy, parents }) =>
          initialPolicySet.includes(policy) && [...parents].some(parent => parent.policy === oids.anyPolicy),
      ),
    );
  }

  /** Drops nodes without children, from the bottom up; with nothing left at the bottom the graph is empty. RFC 9618, 5.3 (d) (3). */
  #prune(): void {
    for (let depth = this.#levels.length - 1; depth > 0; depth--) {
      const used = new Set([...(this.#levels[depth]?.values() ?? [])].flatMap(({ parents }) => [...parents]));
      const above = this.#levels[depth - 1];
      for (const [policy, candidate] of above ?? []) {
        if (!used.has(candidate)) above?.delete(policy);
      }
    }
    if (this.#levels[0]?.size === 0) this.clear();
  }
}

function node(policy: string, parents: Iterable<Node>): Node {
  return { policy, expected: new Set([policy]), parents: new Set(parents) };
}

function byIssuerPolicy(mappings: readonly Mapping[]): ReadonlyMap<string, ReadonlySet<string>> {
  const targets = new Map<string, Set<string>>();
  for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings) {
    const expected = targets.get(issuerDomainPolicy) ?? new Set();
    targets.set(issuerDomainPolicy, expected.add(subjectDomainPolicy));
  }
  return targets;
}

function byExpected(level: Level): ReadonlyMap<string, readonly Node[]> {
  const index = new Map<string, Node[]>();
  for (const candidate of level.values()) {
    for (const policy of candidate.expected) {
      const nodes = index.get(policy);
      if (nodes === undefined) index.set(policy, [candidate]);
      else nodes.push(candidate);
    }
  }
  return index;
}
