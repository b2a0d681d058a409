import type { Answer, Case } from './cases.ts';
import { divergences } from './divergences.ts';
import { reasonsOfRefusals } from './reasons.ts';

/** How many of the cases of one kind were answered as the suite wants. */
export interface Score {
  right: number;
  of: number;
}

export interface Assessment {
  /** By class; BetterTLS and PKITS are apart. */
  readonly classes: Readonly<Record<string, { readonly valid: Score; readonly invalid: Score }>>;
  /** As others' scores are told: by suite, with the valid ones on their own. */
  readonly suites: Readonly<Record<string, Score>>;
  /** Cases that are answered otherwise than wanted and than divergences.ts says, and entries of it that do not diverge. */
  readonly unexplained: readonly string[];
  /** Refusals whose codes are not those of reasons.ts, and entries of it without a case. */
  readonly otherReasons: readonly string[];
}

/** A line that can't be judged is refused: nobody would go on with such a chain. */
const verdictOf = (answer: Answer): Case['expected'] => (answer.valid === true ? 'valid' : 'invalid');

/** Holds the answers against what the suites want. Throws where an answer does not belong to its case. */
export function assess(cases: readonly Case[], answers: readonly Answer[]): Assessment {
  if (answers.length !== cases.length) throw new Error(`${answers.length} answers to ${cases.length} cases`);
  const judged = cases.map((item, index) => {
    const answer = answers[index];
    if (answer?.id !== item.id) throw new Error(`the answer to ${item.id} is one to ${String(answer?.id)}`);
    return { item, answer, right: verdictOf(answer) === item.expected };
  });
  const wrong = new Set(judged.filter(({ right }) => !right).map(({ item }) => item.id));
  return {
    classes: classScores(judged),
    suites: suiteScores(judged),
    unexplained: symmetricDifference(wrong, new Set(Object.keys(divergences))),
    otherReasons: otherReasons(judged),
  };
}

interface Judged {
  readonly item: Case;
  readonly answer: Answer;
  readonly right: boolean;
}

const suiteOf = ({ id }: Case): string => id.split('::')[0] ?? '';

function classOf(item: Case): string {
  const suite = suiteOf(item);
  return suite === 'bettertls' || suite === 'pkits' ? suite : item.class;
}

function classScores(judged: readonly Judged[]): Assessment['classes'] {
  const names = [...new Set(judged.map(({ item }) => classOf(item)))].sort();
  return Object.fromEntries(
    names.map(name => {
      const own = judged.filter(({ item }) => classOf(item) === name);
      const expected = (kind: Case['expected']): Score => scoreOf(own.filter(({ item }) => item.expected === kind));
      return [name, { valid: expected('valid'), invalid: expected('invalid') }];
    }),
  );
}

function suiteScores(judged: readonly Judged[]): Assessment['suites'] {
  const only = (wanted: (item: Case) => boolean): Score => scoreOf(judged.filter(({ item }) => wanted(item)));
  const isLimbo = (item: Case): boolean => !['bettertls', 'pkits'].includes(suiteOf(item));
  return {
    'x509-limbo without BetterTLS': only(isLimbo),
    'its core class': only(item => isLimbo(item) && item.class === 'core'),
    BetterTLS: only(item => suiteOf(item) === 'bettertls'),
    'valid accepted, of these': only(item => suiteOf(item) !== 'pkits' && item.expected === 'valid'),
    PKITS: only(item => suiteOf(item) === 'pkits'),
  };
}

function scoreOf(judged: readonly Judged[]): Score {
  return { right: judged.filter(({ right }) => right).length, of: judged.length };
}

function symmetricDifference(one: ReadonlySet<string>, other: ReadonlySet<string>): readonly string[] {
  return [...[...one].filter(id => !other.has(id)), ...[...other].filter(id => !one.has(id))];
}

function otherReasons(judged: readonly Judged[]): readonly string[] {
  const refusals = judged.filter(({ item }) => item.expected === 'invalid' && suiteOf(item) !== 'bettertls');
  const ids = new Set(refusals.map(({ item }) => item.id));
  return [
    ...refusals.flatMap(({ item, answer }) => {
      const found = JSON.stringify(answer.reasons ?? { error: answer.error?.code });
      const recorded = JSON.stringify(reasonsOfRefusals[item.id]);
      return found === recorded ? [] : [`${item.id}: ${found}, recorded are ${recorded}`];
    }),
    ...Object.keys(reasonsOfRefusals).filter(id => !ids.has(id)),
  ];
}

/** The two tables, for a person. */
export function printTables({ classes, suites }: Assessment): void {
  const text = ({ right, of }: Score): string => `${right} of ${of}`;
  console.table(
    Object.fromEntries(
      Object.entries(classes).map(([name, { valid, invalid }]) => [
        name,
        { 'valid accepted': text(valid), 'invalid refused': text(invalid) },
      ]),
    ),
  );
  console.table(Object.fromEntries(Object.entries(suites).map(([name, score]) => [name, { right: text(score) }])));
}
