import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { printableJson } from '../printable-json.ts';
import { printable } from '../printable.ts';
import type { Paint, System } from '../system.ts';
import type { Facts } from '../x509/describe.ts';
import { asText } from './facts.ts';
import type { Item } from './contents.ts';
import { type Found, inspectTarget, type TargetView } from './target.ts';
import { itemText, shortText } from './text.ts';

export const formats = ['text', 'json', 'yaml', 'pem'] as const;
export type Format = (typeof formats)[number];

/** What became of one target. */
export interface Answer {
  readonly target: string;
  /** Undefined where nothing could be found out. */
  readonly found: Found | undefined;
  /** All that went wrong, in order. */
  readonly errors: readonly MtlsctlError[];
}

/** Looks at each target in turn; a failure of one is an answer too, and the next are looked at. */
export async function inspectTargets(
  targets: readonly string[],
  system: System,
  view: TargetView,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const target of targets) answers.push(await answerFor(target, system, view));
  return answers;
}

async function answerFor(target: string, system: System, view: TargetView): Promise<Answer> {
  try {
    const found = await inspectTarget(target, system, view);
    return { target, found, errors: found.items.flatMap(({ error }) => error ?? []) };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { target, found: undefined, errors: [error] };
  }
}

/**
 * 0 where all is well, 3 where every target has something wrong, 8 where some have (CLI.md).
 */
export function statusOf(answers: readonly Answer[]): number {
  const failed = answers.filter(({ errors }) => errors.length > 0).length;
  if (failed === 0) return 0;
  return failed === answers.length ? 3 : 8;
}

const schema = 'mtlsctl/inspect/v1';

/** One object for each thing found, and one for each target of which nothing was. */
export function documentOf(answers: readonly Answer[], short: boolean): readonly Facts[] {
  return answers.flatMap(({ target, found, errors }) => {
    if (found === undefined)
      return errors.map(error => ({ schema, target, kind: 'unknown', error: errorFacts(error) }));
    return found.items.map(item => itemFacts(target, found, short ? { ...item, facts: shortened(item.facts) } : item));
  });
}

function itemFacts(target: string, { facts }: Found, item: Item): Facts {
  const error = item.error === undefined ? undefined : errorFacts(item.error);
  return { schema, target, ...item.facts, server: facts, error };
}

function errorFacts({ code, message, hints, details }: MtlsctlError): Facts {
  return { code, message, hints, details: details as Facts };
}

/** What `--short` leaves of a description: what it is, whose, by whom, until when. */
const essential: ReadonlySet<string> = new Set([
  ...[
    'target',
    'kind',
    'label',
    'line',
    'chain',
    'serial',
    'issuer',
    'notBefore',
    'notAfter',
    'thisUpdate',
    'nextUpdate',
    'state',
  ],
  ...['remainingSeconds', 'subject', 'revokedCount', 'format', 'encrypted', 'encryption', 'type', 'sha256', 'problem'],
]);

function shortened(facts: Facts): Facts {
  if (facts['kind'] === 'authority' || facts['kind'] === 'service') return facts;
  const { extensions, subjectPublicKeyInfo } = facts as { extensions?: Facts; subjectPublicKeyInfo?: Facts };
  const subjectAltName = extensions?.['subjectAltName'];
  return {
    ...Object.fromEntries(Object.entries(facts).filter(([name]) => essential.has(name))),
    ...(subjectPublicKeyInfo && { subjectPublicKeyInfo: { type: subjectPublicKeyInfo['type'] } }),
    ...(subjectAltName !== undefined && { extensions: { subjectAltName } }),
  };
}

export interface Style {
  readonly format: Format;
  readonly short: boolean;
  readonly paint: Paint;
  readonly system: System;
}

/** The whole answer in a format other than PEM. `document` is what documentOf() made of the answers. */
export async function render(answers: readonly Answer[], document: readonly Facts[], style: Style): Promise<string> {
  if (style.format === 'json') return `${printableJson(document, 2)}\n`;
  if (style.format === 'yaml') return (await import('../config/to-yaml.ts')).toYaml(document);
  const sections: string[] = [];
  let at = 0;
  for (const { target, found, errors } of answers) {
    const objects = document.slice(at, (at += found?.items.length ?? errors.length));
    if (found !== undefined) sections.push(...(await targetSections(found, target, objects, style)));
  }
  return sections.join(style.short ? '' : '\n');
}

async function targetSections(
  found: Found,
  target: string,
  objects: readonly Facts[],
  { short, paint, system }: Style,
): Promise<readonly string[]> {
  if (found.kind === 'PKI directory') {
    const { pkiDirectoryText } = await import('./pki-directory-text.ts');
    return [await pkiDirectoryText(target, objects, system)];
  }
  const texts = objects.map(facts => (short ? shortText(facts, paint) : itemText(facts, paint)));
  const title = targetTitle(found, target, objects, paint);
  return title === '' ? texts : [title, ...texts];
}

/** A line that stands before what a target holds, where there is more to say of it than of its parts. */
function targetTitle({ kind, facts }: Found, target: string, objects: readonly Facts[], paint: Paint): string {
  const name = paint(printable(target), 'bold');
  const chained = objects.length > 1 && objects.every(object => object['chain'] !== undefined);
  if (kind === 'server' && facts !== undefined) {
    const asks = facts['clientCertificateRequested'] === true ? ', asks for a client certificate' : '';
    const servername = facts['servername'] === undefined ? '' : `, asked for ${printable(asText(facts['servername']))}`;
    return `${name}: ${asText(facts['protocol'])} server${servername}${asks}, ${count(objects.length, 'certificate')}\n`;
  }
  if (kind === 'directory') return `${name}: directory, ${count(objects.length, 'item')}\n`;
  return chained ? `${name}: chain of ${count(objects.length, 'certificate')}\n` : '';
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * Everything that can be had as PEM, of private keys the public part. Throws `usage` where there is none: for an encrypted key, a PKI
 * directory, and what mtlsctl only knows by name.
 */
export function pemOf(answers: readonly Answer[]): string {
  return answers.flatMap(({ target, found }) => (found?.items ?? []).map(item => pemOfItem(target, item))).join('');
}

function pemOfItem(target: string, { facts, pem, error }: Item): string {
  if (pem !== undefined) return pem;
  if (error !== undefined) return '';
  if (facts['kind'] === 'private key') {
    throw new MtlsctlError(
      'usage',
      `the private key in ${target} is never printed, and its public key is not to be had without a passphrase`,
      {
        hints: [`mtlsctl inspect ${target}`],
      },
    );
  }
  const kind = asText(facts['kind']);
  throw new MtlsctlError('usage', `${target}: there is no PEM of ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`, {
    hints: [`mtlsctl inspect ${target}`],
  });
}
