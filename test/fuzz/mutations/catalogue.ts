import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { certificateMutations } from './certificates.ts';
import { chainMutations } from './chains.ts';
import { cornerMutations } from './corners.ts';
import { crlMutations } from './crls.ts';
import type { Mutations } from './mutation.ts';
import { nameMutations } from './names.ts';

export const mutations: Mutations = {
  ...certificateMutations,
  ...chainMutations,
  ...crlMutations,
  ...nameMutations,
  ...cornerMutations,
};

/** Changes one thing in a plan and tells its name; a mutation that finds no place in the plan is followed by another. */
export function mutate(plan: Plan, random: Random): string {
  for (;;) {
    const [name, mutation] = random.pick(Object.entries(mutations));
    if (mutation(plan, random)) return name;
  }
}
