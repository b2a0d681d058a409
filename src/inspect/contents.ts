import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { describeCertificate, type Facts, type Value } from '../x509/describe.ts';
import { namesMatch } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';
import { type Kind, type Part, partsOf, withoutTrustNotes } from './recognise.ts';
import { describeValidity } from '../status/validity.ts';

/** How much is said. */
export interface View {
  /** The present, in milliseconds. */
  readonly now: number;
  /** The name of this machine, where it has one: renewal times are spread by it. */
  readonly host?: string | undefined;
  /** How many of a CRL's entries are listed. */
  readonly entries: number;
}

/** One thing found, as JSON shows it. */
export interface Item {
  readonly facts: Facts;
  /** What is wrong with it; what could be read of it is in `facts` all the same. */
  readonly error: MtlsctlError | undefined;
  /** The same as PEM; of a private key its public part. Undefined where there is none to print. */
  readonly pem: string | undefined;
}

/** What is described is many times as large as what is read; nobody reads more. */
const maximumItems = 10_000;

/** Throws `too-large` where there are more things in `target` than are described at once. */
export function refuseMany(count: number, target: string): void {
  if (count <= maximumItems) return;
  throw new MtlsctlError(
    'too-large',
    `${target} holds more than ${maximumItems} things, and that many are not described at once`,
    {
      hints: [`grep -c BEGIN ${target}`, 'split it into several files'],
      details: { most: maximumItems },
    },
  );
}

/**
 * Describes everything that a file holds. `name` is what it is called in messages. A part that is broken is an item with an error,
 * beside those that are not. Throws `malformed` where the file holds nothing that is known, broken PEM, or one broken part alone; `too-large`.
 */
export async function inspectContents(file: Uint8Array, name: string, view: View): Promise<readonly Item[]> {
  const read = await readAll(readParts(file, name), name, view);
  const [only, ...others] = read;
  if (only?.error !== undefined && only.unread === true && others.length === 0) throw only.error;
  return inChain(read);
}

/** Certificates that came otherwise than in a file. */
export async function inspectCertificates(
  ders: readonly Uint8Array[],
  name: string,
  view: View,
): Promise<readonly Item[]> {
  const parts = ders.map((der): Part => ({ kind: 'certificate', labelled: undefined, der, block: undefined }));
  return inChain(await readAll(parts, name, view));
}

async function readAll(parts: readonly Part[], name: string, view: View): Promise<readonly Read[]> {
  const read: Read[] = [];
  for (const [index, part] of parts.entries()) read.push(await readPart(part, placeOf(name, parts, index), view));
  return read;
}

function readParts(file: Uint8Array, name: string): readonly Part[] {
  const parts = naming(name, () => partsOf(file), isPem(file) ? [`tail -n 3 ${name}`] : undefined);
  const [only] = parts;
  if (only === undefined || (only.block === undefined && only.kind === 'unknown')) throw unrecognised(file, name);
  refuseMany(parts.length, name);
  return parts;
}

function unrecognised(file: Uint8Array, name: string): MtlsctlError {
  const what = file.length === 0 ? 'is empty' : 'holds neither PEM nor DER of a certificate, request, CRL or key';
  return new MtlsctlError('malformed', `${name} ${what}`, {
    hints: name === standardInput ? ["pipe it in: 'mtlsctl inspect - < <file>'"] : [`file ${name}`],
    details: { octets: file.length },
  });
}

/** A message tells the file, and the block where there are several. */
function placeOf(name: string, parts: readonly Part[], index: number): string {
  if (parts.length === 1) return name;
  const line = parts[index]?.block?.line;
  return line === undefined ? `${name}, number ${index + 1}` : `${name}, block ${index + 1} at line ${line}`;
}

/** What is read from `-` is called so, and no command can name it. */
export const standardInput = 'standard input';

/** What begins a block, wherever it stands: a file with one is meant to be PEM, whatever became of its end. */
function isPem(file: Uint8Array): boolean {
  return Buffer.from(file.buffer, file.byteOffset, file.length).includes('-----BEGIN ');
}

/** Puts the place before the message of an error that was made for the input. */
function naming<T>(place: string, read: () => T, hints?: readonly string[]): T {
  try {
    return read();
  } catch (error) {
    throw named(place, error, hints);
  }
}

/**
 * A key that is malformed is malformed input here: nothing is to be done with it.
 * A bug stays a bug.
 */
function named(place: string, error: unknown, hints?: readonly string[]): MtlsctlError {
  if (!isMtlsctlError(error)) throw error;
  const code = error.code === 'key-malformed' || error.code === 'key-unsupported' ? 'malformed' : error.code;
  const { details } = error;
  return new MtlsctlError(code, `${place}: ${error.message}`, {
    hints: hintsFor(place, error, hints),
    details,
    cause: error,
  });
}

function hintsFor(
  place: string,
  error: MtlsctlError,
  hints: readonly string[] = [`openssl asn1parse -i -inform DER -in ${place}`],
): readonly string[] {
  const isBlock = place.includes(', ');
  return error.hints.length > 0 || isBlock || place === standardInput ? error.hints : hints;
}

interface Read extends Item {
  /** Nothing of it could be read. */
  readonly unread?: boolean;
  readonly certificate?: Certificate;
}

async function readPart(part: Part, place: string, view: View): Promise<Read> {
  const head: Facts = { kind: part.kind, label: part.block?.label, line: part.block?.line };
  try {
    const read = await readers[part.kind](part, view);
    const facts = { ...head, ...read.facts };
    return { ...read, facts, error: read.error ?? wrongLabel(part, place) ?? firstProblem(facts, place) };
  } catch (error) {
    const hints = part.block === undefined ? undefined : [`openssl asn1parse -i -in ${place}`];
    return { facts: head, error: named(place, error, hints), pem: undefined, unread: true };
  }
}

type Reader = (part: Part, view: View) => Promise<Read> | Read;

/** Requests, CRLs and keys are read by code that a certificate need not wait for. */
const readers: Readonly<Record<Kind, Reader>> = {
  certificate: readCertificate,
  'certificate request': async part => (await import('./rare-kinds.ts')).readRequest(part.der),
  CRL: async ({ der }, view) => (await import('./rare-kinds.ts')).readCrl(der, view),
  'public key': async ({ der }) => (await import('./rare-kinds.ts')).readPublicKey(der),
  'RSA public key': async ({ der }) => (await import('./rare-kinds.ts')).readRsaPublicKey(der),
  'private key': async part => (await import('./rare-kinds.ts')).readPrivateKey(part),
  'PKCS #7 message': namedOnly,
  'PKCS #12 store': namedOnly,
  unknown: namedOnly,
};

function readCertificate(part: Part, view: View): Read {
  const trusted = part.block?.label === 'TRUSTED CERTIFICATE';
  const certificate = parseCertificate(trusted ? withoutTrustNotes(part.der) : part.der);
  const { notBefore, notAfter } = certificate;
  const facts = { ...describeCertificate(certificate), ...describeValidity(notBefore, notAfter, view.now) };
  return { facts, error: undefined, pem: encodePem('CERTIFICATE', certificate.der), certificate };
}

/** What mtlsctl does not read is told by its label and size; in PEM it is not repeated, for who knows what secrets it holds. */
function namedOnly({ der }: Part): Read {
  return { facts: { octets: der.length }, error: undefined, pem: undefined };
}

function wrongLabel({ kind, labelled, block }: Part, place: string): MtlsctlError | undefined {
  if (block === undefined || labelled === undefined || labelled === kind) return undefined;
  return new MtlsctlError('malformed', `${place}: labelled ${block.label}, but it holds a ${kind}`, {
    hints: [`give it the label of a ${kind}`],
    details: { label: block.label, kind },
  });
}

/** The first part of a description that says it has a problem. */
function firstProblem(facts: Facts, place: string): MtlsctlError | undefined {
  const message = problemIn(facts);
  return message === undefined ? undefined : new MtlsctlError('malformed', `${place}: ${message}`);
}

function problemIn(value: Value | undefined): string | undefined {
  if (typeof value !== 'object') return undefined;
  for (const [name, member] of Object.entries<Value | undefined>(value)) {
    if (name === 'problem' && typeof member === 'string') return member;
    const inner = problemIn(member);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Certificates each of which names the next as its issuer are a chain, and each tells its place in it. Signatures are not checked here. */
function inChain(read: readonly Read[]): readonly Item[] {
  const certificates = read.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]));
  const linked = certificates.every((each, i) => {
    const next = certificates[i + 1];
    return next === undefined || namesMatch(each.issuer, next.subject);
  });
  if (certificates.length < 2 || certificates.length < read.length || !linked) return read.map(withoutCertificate);
  return read.map((item, i) =>
    withoutCertificate({ ...item, facts: { ...item.facts, chain: { position: i + 1, length: read.length } } }),
  );
}

function withoutCertificate({ facts, error, pem }: Read): Item {
  return { facts, error, pem };
}
