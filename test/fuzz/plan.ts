import type { PolicyInput } from '../../src/path/policies.ts';
import type { ReferenceName } from '../../src/path/reference-names.ts';
import type { Purpose } from '../../src/path/verify.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { Crl } from '../../src/x509/crl.ts';
import { authority, intermediate, issue, now, type CertificateOptions, type Entity } from '../path/certificates.ts';
import { crl, type CrlOptions, type RevokedCertificate } from '../path/crls.ts';

/** What is asked of both verifiers. */
export interface Request {
  readonly purpose: Exclude<Purpose, 'mutual'>;
  readonly strict: boolean;
  readonly at: number;
  readonly name: ReferenceName | undefined;
  readonly policies: PolicyInput | undefined;
}

/** One CA's CRL. */
export interface CrlPlan {
  readonly options: CrlOptions;
  /** Places of certificates that it lists, with what the entries say. */
  readonly revokes: readonly ({ readonly place: number } & Omit<RevokedCertificate, 'certificate'>)[];
}

/** A chain before it is signed: a valid one, until a mutation changes it. */
export interface Plan {
  /** Root first, leaf last. */
  certificates: CertificateOptions[];
  /** The place of the trust anchor; -1 where no certificate of the chain is one. */
  anchor: number;
  /** Places that are kept from the verifiers. */
  readonly withheld: Set<number>;
  /** CRLs by the place of their issuer; undefined where none are checked. */
  crls: Map<number, CrlPlan> | undefined;
  /** More certificates for the pool, anchors and CRLs, made of the signed chain. */
  readonly more: ((chain: readonly Entity[]) => Partial<Pick<Case, 'anchors' | 'intermediates' | 'crls'>>)[];
  request: Request;
}

/** A signed chain with everything that a verifier is given. */
export interface Case {
  readonly leaf: Certificate;
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly crls: readonly Crl[];
  /** Revocation is checked; there may still be no CRL. */
  readonly checksRevocation: boolean;
  readonly request: Request;
  readonly plan: Plan;
  /** The whole chain, root first, with what is withheld. */
  readonly chain: readonly Certificate[];
}

export const places = (plan: Plan): readonly number[] => plan.certificates.map((_options, place) => place);
export const leafPlace = (plan: Plan): number => plan.certificates.length - 1;
/** Of the anchor and the CAs between it and the leaf. */
export const caPlaces = (plan: Plan): readonly number[] =>
  places(plan).filter(place => place >= plan.anchor && place < leafPlace(plan));

/** Makes one certificate deviate. */
export function change(plan: Plan, place: number, options: CertificateOptions): void {
  plan.certificates[place] = { ...plan.certificates[place], ...options };
}

/** Adds extensions to a certificate, or puts them in the place of its own. */
export function changeExtensions(
  plan: Plan,
  place: number,
  extensions: NonNullable<CertificateOptions['extensions']>,
): void {
  change(plan, place, { extensions: [...(plan.certificates[place]?.extensions ?? []), ...extensions] });
}

/** Makes one CRL deviate. */
export function changeCrl(plan: Plan, place: number, options: CrlOptions): void {
  const known = plan.crls?.get(place);
  if (known !== undefined) plan.crls?.set(place, { ...known, options: { ...known.options, ...options } });
}

/** Signs the chain and the CRLs. */
export function build(plan: Plan): Case {
  const entities: Entity[] = [];
  for (const [place, options] of plan.certificates.entries()) {
    const above = entities.at(-1);
    if (above === undefined) entities.push(authority(options));
    else entities.push(place === leafPlace(plan) ? issue(above, options) : intermediate(above, options));
  }
  const chain = entities.map(entity => entity.certificate);
  const given = (place: number): boolean => place !== plan.anchor && !plan.withheld.has(place);
  const extra = plan.more.map(make => make(entities));
  const crls = [...(plan.crls ?? [])].map(([place, { options, revokes }]) =>
    crl(entities[place]!, {
      ...options,
      revoked: revokes.map(({ place: revoked, ...entry }) => ({ certificate: chain[revoked]!, ...entry })),
    }),
  );
  return {
    leaf: chain.at(-1)!,
    anchors: [
      ...chain.filter((_certificate, place) => place === plan.anchor),
      ...extra.flatMap(part => part.anchors ?? []),
    ],
    intermediates: [
      ...extra.flatMap(part => part.intermediates ?? []),
      ...chain.slice(0, -1).filter((_certificate, place) => given(place)),
    ],
    crls: [...extra.flatMap(part => part.crls ?? []), ...crls],
    checksRevocation: plan.crls !== undefined,
    request: plan.request,
    plan,
    chain,
  };
}

export const baseRequest: Request = {
  purpose: 'any',
  strict: false,
  at: now,
  name: undefined,
  policies: undefined,
};
