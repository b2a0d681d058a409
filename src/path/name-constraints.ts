import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from '../x509/certificate.ts';
import { nameConstraints, subjectAltName, type GeneralSubtree } from '../x509/extensions.ts';
import { formatGeneralName, type GeneralName } from '../x509/general-name.ts';
import { isEmptyName } from '../x509/name.ts';
import { budgetReason } from './budget.ts';
import { isNameForm, nameForms, type NameForm, type NameKind, type Subtree } from './name-forms.ts';
import { label, type Reason } from './reasons.ts';
import type { Run } from './run.ts';
import { isSelfIssued } from './self-issued.ts';

/**
 * Every issuer's constraints, the trust anchor's too, on the names of every certificate below it. Self-issued certificates are exempt unless they
 * are the last. RFC 5280, 4.2.1.10 and 6.1.3 (b), (c): holding each issuer's subtrees one after another is their intersection and union.
 */
export function nameConstraintReasons(run: Run, chain: readonly Certificate[]): readonly Reason[] {
  const reasons: Reason[] = [];
  for (const [place, issuer] of chain.entries()) {
    const constraints = place === 0 ? undefined : constraintsOf(issuer);
    if (constraints === undefined) continue;
    reasons.push(...constraints.malformed);
    if (!run.budget.spend('names', constraints.count)) return [...reasons, ...spentReasons(run)];
    for (const [below, certificate] of chain.slice(0, place).entries()) {
      if (below > 0 && isSelfIssued(certificate)) continue;
      reasons.push(...constraints.kinds.flatMap(kind => kindReasons(run, kind, certificate)));
      if (run.budget.exhausted !== undefined) return [...reasons, ...spentReasons(run)];
    }
  }
  return reasons;
}

function spentReasons({ budget: { exhausted } }: Run): readonly Reason[] {
  return exhausted === undefined ? [] : [budgetReason(exhausted)];
}

/** What one issuer says about one form of names. */
interface KindConstraints {
  readonly kind: NameKind;
  readonly issuer: string;
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
  /** How many comparisons one name costs. */
  readonly cost: number;
  /** Undefined for a form that is not understood. */
  readonly judge: ((name: GeneralName) => Finding) | undefined;
}

type Finding = 'good' | 'malformed' | 'not-permitted' | { readonly excludedBy: GeneralName };

interface IssuerConstraints {
  /** How many there are: what they take once they are prepared is part of what a verification spends. */
  readonly count: number;
  readonly malformed: readonly Reason[];
  readonly kinds: readonly KindConstraints[];
}

const compiled = new WeakMap<Certificate, IssuerConstraints | 'none'>();

function constraintsOf(issuer: Certificate): IssuerConstraints | undefined {
  let known = compiled.get(issuer);
  if (known === undefined) compiled.set(issuer, (known = compile(issuer)));
  return known === 'none' ? undefined : known;
}

function compile(issuer: Certificate): IssuerConstraints | 'none' {
  const constraints = nameConstraints(issuer);
  if (constraints === undefined) return 'none';
  const { permitted, excluded } = constraints;
  const trees = [...permitted, ...excluded];
  const subject = label(issuer);
  const malformed = trees.filter(isMalformed).map(({ base }) => base);
  const unusable = new Set(malformed.map(({ kind }) => kind));
  const kinds = [...new Set(trees.map(({ base }) => base.kind))].filter(kind => !unusable.has(kind));
  return {
    count: trees.length,
    malformed: malformed.map(base => ({
      code: 'name-constraint-malformed',
      subject,
      constraint: formatGeneralName(base),
    })),
    kinds: kinds.map(kind => compileKind(kind, subject, basesOf(permitted, kind), basesOf(excluded, kind))),
  };
}

const basesOf = (trees: readonly GeneralSubtree[], kind: NameKind): readonly GeneralName[] =>
  trees.filter(tree => tree.base.kind === kind).map(({ base }) => base);

/** Minimum and maximum are not used with any name form: RFC 5280, 4.2.1.10. */
function isMalformed({ base, minimum, maximum }: GeneralSubtree): boolean {
  if (minimum !== 0 || maximum !== undefined) return true;
  return isNameForm(base.kind) && nameForms[base.kind].subtree(base) === undefined;
}

function compileKind(
  kind: NameKind,
  issuer: string,
  permitted: readonly GeneralName[],
  excluded: readonly GeneralName[],
): KindConstraints {
  const form = isNameForm(kind) ? (nameForms[kind] as NameForm<unknown>) : undefined;
  const judge = form && compileJudge(form, permitted, excluded);
  return { kind, issuer, permitted, excluded, cost: permitted.length + excluded.length, judge };
}

function compileJudge<Prepared>(
  form: NameForm<Prepared>,
  permitted: readonly GeneralName[],
  excluded: readonly GeneralName[],
): (name: GeneralName) => Finding {
  const subtrees = (bases: readonly GeneralName[]): { base: GeneralName; tree: Subtree<Prepared> }[] =>
    bases.flatMap(base => {
      const tree = form.subtree(base);
      return tree === undefined ? [] : [{ base, tree }];
    });
  const allowed = subtrees(permitted);
  const forbidden = subtrees(excluded);
  return name => {
    const prepared = form.prepare(name);
    if (prepared === undefined) return 'malformed';
    const hit = forbidden.find(({ tree }) => tree.excludes(prepared));
    if (hit !== undefined) return { excludedBy: hit.base };
    return permitted.length === 0 || allowed.some(({ tree }) => tree.permits(prepared)) ? 'good' : 'not-permitted';
  };
}

/** The first name of the form that fails; a person needs no list of two thousand. */
function kindReasons(run: Run, constraints: KindConstraints, certificate: Certificate): readonly Reason[] {
  const names = constrainedNames(run, certificate).filter(name => name.kind === constraints.kind);
  if (names.length === 0 || !run.budget.spend('names', names.length * constraints.cost)) return [];
  for (const name of names) {
    const reason = nameReason(constraints, name, label(certificate));
    if (reason !== undefined) return [reason];
  }
  return [];
}

function nameReason(constraints: KindConstraints, name: GeneralName, subject: string): Reason | undefined {
  const { issuer: constrainedBy, judge } = constraints;
  const finding = judge?.(name);
  if (finding === 'good') return undefined;
  if (finding === undefined) {
    return { code: 'name-constraint-unsupported', subject, constraint: constraints.kind, constrainedBy };
  }
  const facts = { subject, name: formatGeneralName(name), constrainedBy };
  if (finding === 'malformed') return { code: 'name-malformed', ...facts };
  if (finding === 'not-permitted')
    return { code: 'name-not-permitted', ...facts, permitted: listed(constraints.permitted) };
  return { code: 'name-excluded', ...facts, constraint: formatGeneralName(finding.excludedBy) };
}

const listed = (names: readonly GeneralName[]): string =>
  names.slice(0, 5).map(formatGeneralName).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');

/**
 * The names that constraints speak of: those of subjectAltName, the subject where there is one, and the e-mail addresses inside the subject.
 * RFC 5280, 4.2.1.10 wants the last only where subjectAltName is absent; looking always refuses more, never less.
 * Kept for one verification, and paid for: certificates may be full of names.
 */
function constrainedNames(run: Run, certificate: Certificate): readonly GeneralName[] {
  const known = run.seen.names.get(certificate);
  if (known !== undefined) return known;
  const names = collectNames(certificate);
  run.seen.names.set(certificate, names);
  return run.budget.spend('names', names.length) ? names : [];
}

function collectNames(certificate: Certificate): readonly GeneralName[] {
  const { subject } = certificate;
  const emails = subject.rdns.flat().filter(attribute => attribute.type === oids.emailAddress);
  return [
    ...(subjectAltName(certificate) ?? []),
    ...(isEmptyName(subject) ? [] : [{ kind: 'directory', name: subject } as const]),
    ...emails.map(({ value }) => ({ kind: 'email', value }) as const),
  ];
}
