import type { Answer } from './exchange.ts';
import { until } from './processes.ts';

export interface Load {
  /** What went wrong, with what was said. */
  readonly failures: readonly string[];
  readonly served: number;
  readonly serials: ReadonlySet<string>;
}

/**
 * Keeps calling from several clients at once while `act` runs, and until a call has been served after it. `isServed` judges each answer.
 */
export async function underLoad(
  call: () => Promise<Answer>,
  isServed: (answer: Answer) => boolean,
  act: (load: Load) => Promise<void>,
  clients = 3,
): Promise<Load> {
  const failures: string[] = [];
  const serials = new Set<string>();
  let [served, over] = [0, false];
  const client = async (): Promise<void> => {
    while (!over) {
      const answer = await call();
      if (isServed(answer)) served += 1;
      else failures.push(`${answer.problem ?? ''} ${answer.text.slice(0, 200)}`);
      serials.add(answer.serial);
    }
  };
  const load = {
    failures,
    serials,
    get served() {
      return served;
    },
  };
  const running = Array.from({ length: clients }, client);
  try {
    await until(() => served > 0 || failures.length > 0, 'the first call to be answered');
    await act(load);
    const before = served;
    await until(() => served > before + clients || failures.length > 0, 'calls after it to be answered');
  } finally {
    over = true;
    await Promise.all(running);
  }
  return load;
}
