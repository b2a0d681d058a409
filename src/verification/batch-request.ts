import { oids } from '../der/object-identifiers.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { parseInstant } from '../options.ts';
import type { PolicyInput } from '../path/policies.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import type { VerifyInput } from '../path/verify.ts';
import { quoted } from '../printable.ts';
import { KeyUsage } from '../x509/extensions.ts';
import { LongText, parseJson, parseLongLine } from './long-line.ts';
import type { ParsedTexts, Text } from './parsed-texts.ts';

/** What names a request in its answer. */
export type RequestId = string | number | null;

/** The members of one line's object, each still to be read. */
export type Fields = Readonly<Record<string, unknown>>;

/** How many of each a request may have; what they weigh is bounded by the length of the line. */
const maximum = {
  certificates: 15_000,
  crls: 1_000,
  names: 1_000,
  usages: 100,
  policies: 1_000,
  depth: 10_000,
} as const;

/** An identity of a request is said back, so that it must not be long. */
const longestId = 1_000;

/** Octets of a line from which on its long strings are not to be copied around. */
const longLine = 64 * 1024;

/** Reads the object that a line holds. Throws `malformed`, `too-large`. */
export function parseFields(line: Uint8Array): Fields {
  const value = line.length < longLine ? parseJson(line) : parseLongLine(line);
  if (isObject(value)) return value;
  throw new MtlsctlError('malformed', 'the line is no JSON object');
}

/** Throws `bad-value` for an identity that is neither text nor a number. */
export function parseId({ id }: Fields): RequestId {
  if (id === undefined || id === null || typeof id === 'number') return id ?? null;
  const text = id instanceof LongText ? id.text() : id;
  if (typeof text === 'string' && text.length <= longestId) return text;
  throw bad('id', `expected a string of up to ${longestId} characters, or a number`);
}

/**
 * Reads a request (CLI.md, `--batch`): `leaf` and `trust` must be there, all others may be absent or null; members of other names are left alone.
 * `now` in milliseconds. Throws `bad-value` naming the member, `malformed` for PEM that does not parse.
 */
export function parseRequest(fields: Fields, texts: ParsedTexts, now: number): VerifyInput {
  const pems = {
    leaf: present(fields, 'leaf', asPem),
    untrusted: list(fields, 'untrusted', maximum.certificates, asPem),
    crls: list(fields, 'crls', maximum.crls, asPem),
    trust: present(fields, 'trust', (value, key) => listOf(value, key, maximum.certificates, asPem)),
  };
  texts.begin({ leaf: pems.leaf, pool: [...pems.untrusted, ...pems.trust], crls: pems.crls });
  const { leaf, others } = within('leaf', () => texts.leaf(pems.leaf));
  const intermediates = within('untrusted', () => texts.certificates(pems.untrusted));
  const crls = within('crls', () => texts.crls(pems.crls));
  return {
    leaf,
    trustAnchors: within('trust', () => texts.certificates(pems.trust)),
    intermediates,
    presented: others,
    crls,
    requireCrl: crls.length > 0,
    at: instant(fields) ?? now,
    purpose: choice(fields, 'purpose', ['any', 'client', 'mutual', 'server']),
    names: [...optional(fields, 'name', asReferenceName), ...list(fields, 'names', maximum.names, asReferenceName)],
    maxDepth: optional(fields, 'maxDepth', asDepth)[0],
    keyUsage: list(fields, 'keyUsage', maximum.usages, asKeyUsage),
    extendedKeyUsage: list(fields, 'eku', maximum.usages, asPurpose),
    policies: optional(fields, 'policies', asPolicies)[0],
    profile: choice(fields, 'profile', ['rfc5280', 'webpki']),
    strict: flag(fields, 'strict'),
  };
}

/** Puts the member's name before what is wrong in its PEM. */
function within<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    throw new MtlsctlError('malformed', `${key}: ${error.message}`, { cause: error });
  }
}

/** How one member's value is read; `key` is for the message. */
type Reader<T> = (value: unknown, key: string) => T;

function present<T>(fields: Fields, key: string, read: Reader<T>): T {
  if (fields[key] === undefined || fields[key] === null) throw bad(key, 'it is missing');
  return read(fields[key], key);
}

/** One value, or none where the member is absent or null. */
function optional<T>(fields: Fields, key: string, read: Reader<T>): readonly T[] {
  const value = fields[key];
  return value === undefined || value === null ? [] : [read(value, key)];
}

function list<T>(fields: Fields, key: string, most: number, read: Reader<T>): readonly T[] {
  return listOf(fields[key] ?? [], key, most, read);
}

function listOf<T>(value: unknown, key: string, most: number, read: Reader<T>): readonly T[] {
  if (!Array.isArray(value)) throw bad(key, 'expected a list');
  if (value.length > most) throw bad(key, `expected at most ${most} entries, and there are ${value.length}`);
  return value.map(each => read(each, key));
}

/** The first choice stands for an absent member. */
function choice<Choice extends string>(fields: Fields, key: string, choices: readonly [Choice, ...Choice[]]): Choice {
  const value = fields[key] ?? choices[0];
  const found = choices.find(each => each === value);
  if (found === undefined) throw bad(key, `expected ${choices.join(', ')}`);
  return found;
}

function flag(fields: Fields, key: string): boolean {
  const value = fields[key] ?? false;
  if (typeof value !== 'boolean') throw bad(key, 'expected true or false');
  return value;
}

function instant(fields: Fields): number | undefined {
  return optional(fields, 'time', (value, key) => parseInstant(asText(value, key), key))[0];
}

const asText: Reader<string> = (value, key) => {
  const text = value instanceof LongText ? value.text() : value;
  if (typeof text !== 'string') throw bad(key, value === text ? 'expected text' : 'it is too long');
  return text;
};

const asPem: Reader<Text> = (value, key) => (value instanceof LongText ? value : asText(value, key));

const nameKinds: readonly ReferenceName['kind'][] = ['dns', 'email', 'ip', 'uri'];

/** Whether the value is a name of its kind is a question that the verdict answers. */
const asReferenceName: Reader<ReferenceName> = (value, key) => {
  const { kind, value: name } = asObject(value, key);
  const known = nameKinds.find(each => each === kind);
  if (known === undefined) throw bad(key, `expected a kind of ${nameKinds.join(', ')}`);
  return { kind: known, value: asText(name, key) };
};

const asDepth: Reader<number> = (value, key) => {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maximum.depth) return Number(value);
  throw bad(key, `expected a whole number from 0 to ${maximum.depth}`);
};

/** Recent editions of X.509 call nonRepudiation contentCommitment: RFC 5280, 4.2.1.3. */
const asKeyUsage: Reader<string> = (value, key) => {
  const name = value === 'contentCommitment' ? 'nonRepudiation' : asText(value, key);
  if (Object.hasOwn(KeyUsage, name)) return name;
  throw bad(key, `expected names of key usages, such as digitalSignature, and not ${quoted(name)}`);
};

const dotted = /^[0-2](?:\.\d{1,40}){1,60}$/;

const asPurpose: Reader<string> = (value, key) => {
  const name = asText(value, key);
  if (dotted.test(name) || Object.hasOwn(oids, name)) return name;
  throw bad(key, `expected object identifiers, or names such as serverAuth, and not ${quoted(name)}`);
};

const asPolicies: Reader<PolicyInput> = (value, key) => {
  const policies = asObject(value, key);
  const initial = list(policies, 'initialPolicySet', maximum.policies, asPolicy);
  return {
    // Absent is any-policy; an empty list takes none. RFC 5280, 6.1.1 (c).
    initialPolicySet: (policies['initialPolicySet'] ?? undefined) === undefined ? [oids.anyPolicy] : initial,
    requireExplicitPolicy: flag(policies, 'requireExplicitPolicy'),
    inhibitPolicyMapping: flag(policies, 'inhibitPolicyMapping'),
    inhibitAnyPolicy: flag(policies, 'inhibitAnyPolicy'),
  };
};

const asPolicy: Reader<string> = (value, key) => {
  const policy = asText(value, key);
  if (dotted.test(policy)) return policy;
  throw bad(key, `expected object identifiers, and not ${quoted(policy)}`);
};

function asObject(value: unknown, key: string): Fields {
  if (isObject(value)) return value;
  throw bad(key, 'expected an object');
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(key: string, problem: string): MtlsctlError {
  return new MtlsctlError('bad-value', `bad '${key}': ${problem}`);
}
