import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { badValue } from '../options.ts';
import type { Prompter } from '../system.ts';
import type { CommandContext } from './command.ts';

/** A value that the command line should have named. */
export interface Missing {
  readonly question: string;
  /** What is thrown where nobody can be asked: it names the flag or operand. */
  readonly refusal: () => MtlsctlError;
}

/** Who says what the command line does not. With --yes nobody: it knows one answer only, and none of these. */
function person({ yes, system }: CommandContext): Prompter | undefined {
  return yes ? undefined : system.prompter;
}

/**
 * Asks for what is missing, again until `parse` takes it, as it would take it from the command line. Throws `refusal()` where nobody can be asked.
 */
export async function askFor<T>(
  context: CommandContext,
  { question, refusal, parse }: Missing & { readonly parse: (text: string) => T },
): Promise<T> {
  const asked = person(context);
  if (asked === undefined) throw refusal();
  return parse((await asked.input(question, text => problemOf(parse, text.trim()))).trim());
}

function problemOf(parse: (text: string) => unknown, text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    if (!isMtlsctlError(error, 'bad-value')) throw error;
    const { reason } = error.details;
    return typeof reason === 'string' ? reason : error.message;
  }
}

/** Lets a person choose. Throws `refusal()` where nobody can be asked, or there is nothing to choose from. */
export async function chooseFrom(
  context: CommandContext,
  { question, refusal, choices }: Missing & { choices: () => readonly string[] | Promise<readonly string[]> },
): Promise<string> {
  const asked = person(context);
  if (asked === undefined) throw refusal();
  const all = await choices();
  if (all.length === 0) throw refusal();
  return asked.select(question, all);
}

/** Which of the authorities that `ambiguity` names is meant; throws it where nobody can be asked. */
export function chooseAuthority(context: CommandContext, ambiguity: MtlsctlError): Promise<string> {
  return chooseFrom(context, {
    question: `${ambiguity.message}; which one?`,
    choices: () => ambiguity.details['authorities'] as readonly string[],
    refusal: () => ambiguity,
  });
}

/** A path, or whatever else is not judged before it is used. */
export function parseGiven(text: string): string {
  if (text !== '') return text;
  throw badValue(text, 'an answer', 'something has to be given');
}

/** As commander says it of an operand that it is left to look for; what is done about it is in the hint that all such errors get. */
export function missingOperand(name: string): MtlsctlError {
  return new MtlsctlError('usage', `missing required argument '${name}'`);
}
