import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';

/** Changes one thing in a valid plan. False where the plan has no place for it, and is unchanged. */
export type Mutation = (plan: Plan, random: Random) => boolean;

export type Mutations = Readonly<Record<string, Mutation>>;
