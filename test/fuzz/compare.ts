import { verifyChain, type Verdict } from '../../src/path/verify.ts';
import { validPlan } from './generate.ts';
import { mutations } from './mutations/catalogue.ts';
import { opensslVerify, type OpensslAnswer } from './openssl.ts';
import { build, type Case } from './plan.ts';
import { randomOf } from './random.ts';

/** One chain, before the verifiers have seen it. */
export interface Specimen {
  readonly index: number;
  /** The one thing that was changed. */
  readonly mutation: string;
  readonly item: Case;
}

/** What both say about it. */
export interface Comparison extends Specimen {
  readonly verdict: Verdict;
  readonly openssl: OpensslAnswer;
  /** Where mtlsctl alone accepts: what OpenSSL says when it is given the chain that mtlsctl found, and no other certificate. */
  readonly alone: OpensslAnswer | undefined;
}

const catalogue = Object.entries(mutations);

/** Valid, then mutated in one thing: each mutation has its turn, with chains made until there is one that it can change. */
export function specimen(seed: number, index: number): Specimen {
  const random = randomOf(seed, index);
  const [mutation, change] = catalogue[index % catalogue.length]!;
  for (;;) {
    const plan = validPlan(random);
    if (change(plan, random)) return { index, mutation, item: build(plan) };
  }
}

export async function compare(program: string, specimens: readonly Specimen[]): Promise<readonly Comparison[]> {
  const answers = await opensslVerify(
    program,
    specimens.map(({ item }) => item),
  );
  const judged = specimens.map((one, i) => ({ ...one, verdict: ourVerdict(one.item), openssl: answers[i]! }));
  const laxer = judged.filter(({ verdict, openssl }) => verdict.valid && !openssl.accepted);
  const again = await opensslVerify(program, laxer.map(chainAlone));
  const alone = new Map(laxer.map(({ index }, i) => [index, again[i]]));
  return judged.map(one => ({ ...one, alone: alone.get(one.index) }));
}

function chainAlone({ item, verdict: { chain } }: { readonly item: Case; readonly verdict: Verdict }): Case {
  return { ...item, anchors: chain.slice(-1), intermediates: chain.slice(1, -1) };
}

function ourVerdict(item: Case): Verdict {
  const { request } = item;
  return verifyChain({
    leaf: item.leaf,
    trustAnchors: item.anchors,
    intermediates: item.intermediates,
    crls: item.crls,
    requireCrl: item.checksRevocation,
    at: request.at,
    purpose: request.purpose,
    names: request.name === undefined ? [] : [request.name],
    policies: request.policies,
    profile: 'rfc5280',
    strict: request.strict,
  });
}
