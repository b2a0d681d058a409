import { Option } from 'commander';

/** An option with a few values, which --help and completion show; `parse` judges, and may take other spellings of them. */
export function choice<T>(
  flags: string,
  description: string,
  choices: readonly string[],
  parse: (text: string, before: T | undefined) => T,
): Option {
  return new Option(flags, description).choices(choices).argParser(parse);
}
