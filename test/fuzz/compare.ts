import { verifyChain, type Verdict } from '../../src/path/verify.ts';
import { validPlan } from './generate.ts';
import { mutate } from './mutations/catalogue.ts';
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
}

/** Valid, then mutated in one thing. */
export function specimen(seed: number, index: number): Specimen {
  const random = randomOf(seed, index);
  const plan = validPlan(random);
  const mutation = mutate(plan, random);
  return { index, mutation, item: build(plan) };
}

export async function compare(program: string, specimens: readonly Specimen[]): Promise<readonly Comparison[]> {
  const answers = await opensslVerify(
    program,
    specimens.map(({ item }) => item),
  );
  return specimens.map((one, i) => ({ ...one, verdict: ourVerdict(one.item), openssl: answers[i]! }));
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
