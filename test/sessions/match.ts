import { substitute, type Variables } from './format.ts';

/** What may stand in an expected line for values that differ from run to run; with `:name` the value is kept for ${name}. */
const placeholders: Readonly<Record<string, string>> = {
  base64: '[A-Za-z0-9+/=]+',
  date: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ',
  digits: '\\d+',
  hex: '[0-9a-f]+',
  serial: '[0-9a-f]{31,40}',
  sha256: '[0-9a-f]{64}',
};

export const anyLines = '…';

/**
 * Whether the lines are those expected, one by one; a line of `…` alone stands for any number of lines, `…` inside of one for any text.
 * Returns what the placeholders with names have caught, or undefined where the lines are others.
 */
export function matchLines(
  expected: readonly string[],
  actual: readonly string[],
  variables: Variables,
): ReadonlyMap<string, string> | undefined {
  const [first, ...others] = expected;
  if (first === undefined) return actual.length === 0 ? new Map() : undefined;
  if (first === anyLines) {
    for (let skipped = 0; skipped <= actual.length; skipped += 1) {
      const found = matchLines(others, actual.slice(skipped), variables);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [line, ...rest] = actual;
  const caught = line === undefined ? undefined : matchLine(first, line, variables);
  if (caught === undefined) return undefined;
  const found = matchLines(others, rest, new Map([...variables, ...caught]));
  return found === undefined ? undefined : new Map([...caught, ...found]);
}

/** As matchLines, for one line or question. */
export function matchLine(
  pattern: string,
  line: string,
  variables: Variables,
): ReadonlyMap<string, string> | undefined {
  const names: string[] = [];
  const source = pattern.replace(/\$\{[^}]*\}|\{(\w+)(?::(\w+))?\}|…|[\\^$.*+?()[\]{}|/]/g, (found, kind, name) => {
    if (found === '…') return '.*';
    if (found.startsWith('${')) return escape(substitute(found, variables));
    const form = placeholders[String(kind)];
    if (form === undefined) return escape(found);
    if (name !== undefined) names.push(String(name));
    return name === undefined ? `(?:${form})` : `(${form})`;
  });
  const match = new RegExp(`^${source}$`, 'su').exec(line);
  return match === null ? undefined : new Map(names.map((name, index) => [name, match[index + 1] ?? '']));
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** What was printed, as it would be expected: values that differ from run to run become placeholders. */
export function generalise(line: string): string {
  return line
    .replace(/[A-Za-z0-9+/]{200,}=*/g, '{base64}')
    .replace(/\/choosing\.[^ :]+/g, '/…')
    .replace(/\b(?=[a-f]*\d)[0-9a-f]{64}\b/g, '{sha256}')
    .replace(/\b[0-9a-f]{31,40}\b/g, '{serial}');
}
