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
