import { isMtlsctlError } from '../errors.ts';
import { printable, quoted } from '../printable.ts';
import { invalid, type YamlEntry, type YamlValue } from './yaml.ts';

/** Where a value stands, for messages: `crl.validity` in `mtlsctl.yaml`. */
export interface Place {
  readonly source: string;
  readonly key: string;
}

/** Turns a YAML value into a domain value, or throws `config-invalid` naming file, line and key. */
export type Reader<T> = (value: YamlValue, place: Place) => T;

/** A scalar through one of the parsers of options.ts, which take the text and the name of where it stands. */
export function scalar<T>(parse: (text: string, option: string) => T): Reader<T> {
  return (value, place) => {
    if (value.kind !== 'text' || value.text === '') throw wrong(value, place, 'needs a single value');
    try {
      return parse(value.text, place.key);
    } catch (error) {
      if (!isMtlsctlError(error, 'bad-value')) throw error;
      const reason = typeof error.details['reason'] === 'string' ? error.details['reason'] : error.message;
      throw wrong(value, place, `has the bad value ${quoted(value.text)}: ${reason}`, error.hints);
    }
  };
}

/** A value with the line on which it stands. */
export function located<T>(reader: Reader<T>): Reader<{ readonly line: number; readonly value: T }> {
  return (value, place) => ({ line: value.line, value: reader(value, place) });
}

/** A list; a single value stands for a list of one. No member twice. */
export function list<T>(member: Reader<T>, limit: number): Reader<readonly T[]> {
  return (value, place) => {
    const items = value.kind === 'list' ? value.items : [value];
    if (items.length > limit) throw wrong(value, place, `has ${items.length} members; the limit is ${limit}`);
    const seen = new Map<string, number>();
    return items.map(item => {
      if (item.kind === 'text') {
        const before = seen.get(item.text);
        if (before !== undefined)
          throw wrong(item, place, `has ${quoted(item.text)} twice; the first is on line ${before}`);
        seen.set(item.text, item.line);
      }
      return member(item, place);
    });
  };
}

/** A map from names that the user chooses. */
export function dictionary<T>(
  parseName: (text: string, option: string) => string,
  member: Reader<T>,
): Reader<Readonly<Record<string, T>>> {
  return (value, place) => {
    // Without a prototype: a profile called `constructor` is no profile until somebody writes one.
    const result = Object.create(null) as Record<string, T>;
    for (const [key, entry] of mapOf(value, place).entries()) {
      const name = scalar(parseName)(
        { kind: 'text', line: entry.line, text: key },
        { source: place.source, key: `a name in ${place.key}` },
      );
      result[name] = member(entry.value, { source: place.source, key: keyPath(place.key, key) });
    }
    return result;
  };
}

type Readers = Readonly<Record<string, Reader<unknown>>>;
type Fields<R extends Readers> = { readonly [K in keyof R]?: ReturnType<R[K]> };

/** A map with known keys, none of them required; an unknown one is refused with the nearest known one. */
export function record<R extends Readers>(readers: R): Reader<Fields<R>> {
  return (value, place) => {
    const result: Record<string, unknown> = {};
    for (const [key, entry] of mapOf(value, place).entries()) {
      const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
      if (reader === undefined) throw unknownKey(key, entry, place, Object.keys(readers));
      result[key] = reader(entry.value, { source: place.source, key: keyPath(place.key, key) });
    }
    return result as Fields<R>;
  };
}

/** The `config-invalid` error of one value. */
export function wrong(value: YamlValue, place: Place, message: string, hints: readonly string[] = []): Error {
  const key = printable(place.key);
  return invalid(place.source, value.line, key === '' ? `the file ${message}` : `${key} ${message}`, {
    ...(hints.length > 0 && { hints }),
    key: place.key,
  });
}

function mapOf(value: YamlValue, place: Place): ReadonlyMap<string, YamlEntry> {
  if (value.kind === 'map') return value.entries;
  // `crl:` with nothing below it, as when all its lines are comments.
  if (value.kind === 'text' && value.text === '' && place.key !== '') return new Map();
  throw wrong(value, place, 'must hold keys and values');
}

function keyPath(parent: string, key: string): string {
  return parent === '' ? key : `${parent}.${key}`;
}

function unknownKey(key: string, entry: YamlEntry, place: Place, known: readonly string[]): Error {
  const nearest = nearestName(key, known);
  const where = place.key === '' ? '' : ` in ${printable(place.key)}`;
  const question = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
  return invalid(place.source, entry.line, `unknown key ${quoted(key)}${where}${question}`, {
    key: keyPath(place.key, key),
    hints:
      nearest === undefined
        ? [`the keys known here are: ${known.join(', ')}`]
        : [`write '${nearest}:' in line ${entry.line} of ${printable(place.source)}`],
  });
}

/** The known name that is fewest edits away, if it is no more than a third of the letters off. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const lower = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(lower.length / 3)) + 1;
  for (const candidate of known) {
    const distance =
      candidate.toLowerCase().startsWith(lower) && lower.length > 2 ? 1 : editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, neighbours swapped counting as one edit. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
