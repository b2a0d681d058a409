import { oids } from '../der/object-identifiers.ts';
import { MtlsctlError } from '../errors.ts';
import { isNameForm, nameForms, type NameForm } from '../path/name-forms.ts';
import { printable } from '../printable.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  type GeneralSubtree,
  keyUsage,
  KeyUsage,
  nameConstraints,
} from '../x509/extensions.ts';
import { formatGeneralName, formatIp, type GeneralName, parseCidr, parseIp } from '../x509/general-name.ts';
import { formatName, isEmptyName, type Name } from '../x509/name.ts';
import type { NameConstraintsOrder } from './extensions.ts';
import type { SubjectNames } from './names.ts';
import type { Profile } from './profile.ts';

/** What is about to be issued, as far as an issuer may object to it. */
export interface ConstrainedOrder {
  readonly profile: Pick<Profile, 'kind' | 'extendedKeyUsage'>;
  readonly subject: Name;
  readonly names: SubjectNames;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraintsOrder | undefined;
  /** The issuer, then those above it. */
  readonly issuers: readonly Certificate[];
}

/**
 * Refuses what a verifier would refuse below these issuers, before anything is signed. Throws `policy-refused` for an issuer that may not issue
 * this kind, `constraint-violation` for what lies outside its constraints.
 */
export function checkWithinIssuers(order: ConstrainedOrder): void {
  order.issuers.forEach((issuer, depth) => {
    checkIsCa(issuer);
    if (order.profile.kind !== 'leaf') checkPathLength(order, issuer, depth);
    checkPurposes(order, issuer);
    for (const name of generalNames(order)) checkName(issuer, name);
    for (const subtree of permittedBases(order.nameConstraints)) checkSubtree(issuer, subtree);
  });
}

/** Whether an issuer's name constraints leave room for a name, as path validation reads them. RFC 5280, 4.2.1.10. */
export function admits(issuer: Certificate, name: GeneralName): boolean {
  const constraints = nameConstraints(issuer);
  if (constraints === undefined) return true;
  const ofKind = (trees: readonly GeneralSubtree[]): readonly GeneralName[] =>
    trees.map(tree => tree.base).filter(base => base.kind === name.kind);
  const permitted = ofKind(constraints.permitted);
  const excluded = ofKind(constraints.excluded);
  if (permitted.length + excluded.length === 0) return true;
  if (!isNameForm(name.kind)) return false;
  const form = nameForms[name.kind] as NameForm<unknown>;
  const prepared = form.prepare(name);
  // A name that can't be read is inside nothing that is permitted, and may be inside anything that is excluded.
  if (prepared === undefined) return false;
  if (excluded.some(base => form.subtree(base)?.excludes(prepared) !== false)) return false;
  return permitted.length === 0 || permitted.some(base => form.subtree(base)?.permits(prepared) === true);
}

/** RFC 5280, 4.2.1.9 and 4.2.1.3. */
function checkIsCa(issuer: Certificate): void {
  const usage = keyUsage(issuer) ?? KeyUsage.keyCertSign;
  if (basicConstraints(issuer)?.ca === true && (usage & KeyUsage.keyCertSign) !== 0) return;
  throw new MtlsctlError('policy-refused', `${named(issuer)} is no CA and may not issue certificates`);
}

/** RFC 5280, 4.2.1.9: how many CAs may stand between this issuer and a leaf; `depth` of them are there already, and this is one more. */
function checkPathLength(order: ConstrainedOrder, issuer: Certificate, depth: number): void {
  const limit = basicConstraints(issuer)?.pathLenConstraint;
  if (limit === undefined) return;
  const room = limit - depth - 1;
  if (room < 0) {
    throw new MtlsctlError(
      'constraint-violation',
      `${named(issuer)} has the path length ${limit}: no further CA may stand below it`,
      {
        hints: ['let an authority above it sign (--issuer), or make it anew with a greater --path-length'],
        details: { pathLenConstraint: limit },
      },
    );
  }
  if (order.pathLength !== undefined && order.pathLength > room) {
    throw new MtlsctlError(
      'constraint-violation',
      `the path length ${order.pathLength} is too long: ${named(issuer)} leaves room for ${room}`,
      {
        hints: [`ask for --path-length ${room} or less`],
        details: { pathLenConstraint: limit, pathLength: order.pathLength },
      },
    );
  }
}

/** Every common verifier takes the purposes of a CA as limits to those below it, though RFC 5280, 4.2.1.12 leaves it open. */
function checkPurposes(order: ConstrainedOrder, issuer: Certificate): void {
  const allowed = extendedKeyUsage(issuer);
  if (allowed === undefined || allowed.includes(oids.anyExtendedKeyUsage)) return;
  const outside = order.profile.extendedKeyUsage.find(purpose => !allowed.includes(purpose));
  if (outside === undefined) return;
  throw new MtlsctlError('constraint-violation', `${named(issuer)} may not issue for the purpose ${outside}`, {
    hints: ['let another authority sign (--issuer), or ask for another --profile'],
    details: { purpose: outside },
  });
}

function generalNames({ names, subject }: ConstrainedOrder): readonly GeneralName[] {
  return [
    ...names.dns.map(value => ({ kind: 'dns', value }) as const),
    ...names.uri.map(value => ({ kind: 'uri', value }) as const),
    ...names.email.map(value => ({ kind: 'email', value }) as const),
    ...names.ip.map(value => ({ kind: 'ip', value, bytes: parseIp(value) ?? new Uint8Array() }) as const),
    ...(isEmptyName(subject) ? [] : [{ kind: 'directory', name: subject } as const]),
  ];
}

/** RFC 5280, 4.2.1.10. */
function checkName(issuer: Certificate, name: GeneralName): void {
  if (admits(issuer, name)) return;
  const text = printable(formatGeneralName(name));
  throw new MtlsctlError('constraint-violation', `the name constraints of ${named(issuer)} do not allow ${text}`, {
    hints: [`see what it allows: 'mtlsctl inspect' on the certificate of ${named(issuer)}`],
    details: { name: text, issuer: formatName(issuer.subject) },
  });
}

/** A permitted subtree of a CA below must lie inside the issuer's, or it would promise what no verifier grants. */
function checkSubtree(issuer: Certificate, subtree: Subtree): void {
  if (subtree.samples.every(sample => admits(issuer, sample))) return;
  throw new MtlsctlError(
    'constraint-violation',
    `the name constraints of ${named(issuer)} do not allow to permit ${subtree.text}`,
    {
      hints: [
        `ask for what lies inside its constraints: 'mtlsctl inspect' on the certificate of ${named(issuer)} shows them`,
      ],
      details: { permitted: subtree.text, issuer: formatName(issuer.subject) },
    },
  );
}

interface Subtree {
  readonly text: string;
  /** Names that lie inside another subtree exactly if the whole subtree does. */
  readonly samples: readonly GeneralName[];
}

function permittedBases(order: NameConstraintsOrder | undefined): readonly Subtree[] {
  if (order === undefined) return [];
  const { dns, uri, email, ip } = order.permitted;
  return [
    ...dns.map(text => ({ text, samples: [{ kind: 'dns', value: text } as const] })),
    ...uri.map(text => ({ text, samples: [{ kind: 'uri', value: `spiffe://${sampleHost(text)}` } as const] })),
    ...email.map(text => ({
      text,
      samples: [{ kind: 'email', value: text.includes('@') ? text : `a@${sampleHost(text)}` } as const],
    })),
    ...ip.map(text => ({ text, samples: rangeEnds(text) })),
  ];
}

/** A domain with a dot before it stands for what is below it. */
function sampleHost(text: string): string {
  return text.startsWith('.') ? `a${text}` : text;
}

/** The first and the last address: a range of CIDR form that holds both holds all between. */
function rangeEnds(range: string): readonly GeneralName[] {
  const octets = parseCidr(range) ?? new Uint8Array();
  const length = octets.length / 2;
  const first = octets.subarray(0, length);
  const last = first.map((octet, index) => octet | (~(octets[length + index] ?? 0) & 0xff));
  return [first, last].map(bytes => ({ kind: 'ip', value: formatIp(bytes), bytes }));
}

function named(issuer: Certificate): string {
  return `'${printable(formatName(issuer.subject))}'`;
}
