import type { Authority } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import { issuersOf } from '../authority/issue.ts';
import { knownAmong } from '../authority/known-issuers.ts';
import { readPublishedCrls, readTrustAnchors } from '../authority/trust.ts';
import type { Config } from '../config.ts';
import { loadProfile } from '../config/profiles.ts';
import { readRunState, type RunState } from '../deployment/journal.ts';
import { type RevocationCheck, revocationCheck } from '../deployment/revocation.ts';
import { sameOctets } from '../der/octets.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { listNames, statPath } from '../file-operations.ts';
import type { Certificate } from '../x509/certificate.ts';
import { authorityRow, type AuthorityRow, brokenAuthority, findAuthorities } from './authority-row.ts';
import { type CrlRow, crlRows } from './crl-row.ts';
import { type Problem, problemOf } from './problem.ts';
import { attempted, servicesAmong } from './service-files.ts';
import { type ServiceRow, serviceRow } from './service-row.ts';

/** All that is told of one PKI directory. */
export interface Survey {
  readonly directory: string;
  /** Milliseconds. */
  readonly now: number;
  readonly services: readonly ServiceRow[];
  readonly authorities: readonly AuthorityRow[];
  readonly crls: readonly CrlRow[];
  /** What concerns no row: mtlsctl.yaml, ca.pem, crl.pem and crl-issuers.pem. */
  readonly problems: readonly Problem[];
  readonly isConfigured: boolean;
  /** The last unattended look of `renew`. */
  readonly run: RunState | undefined;
}

export interface SurveyOrder {
  readonly directory: string;
  readonly now: number;
  /** The name of this machine, where it has one: renewal times are spread by it. */
  readonly host: string | undefined;
}

/** Throws `not-found` where there is no PKI directory, `unreadable` where it can't be listed. What is broken in it is told in its place. */
export async function surveyPkiDirectory({ directory, now, host }: SurveyOrder): Promise<Survey> {
  const names = namesIn(directory);
  const config = await attempted(() => readConfig(directory));
  const anchors = await attempted(() => readTrustAnchors(directory));
  const crls = await attempted(() => readPublishedCrls(directory));
  const run = await attempted(() => readRunState(directory));
  const found = await findAuthorities(directory);
  const trustAnchors = anchors.value ?? [];
  const issuers = await attempted(() =>
    knownAmong(directory, { anchors: trustAnchors, authorities: found.loaded }, now),
  );
  const revocation = revocationCheck(crls.value ?? []);
  const known = [...found.loaded.flatMap(each => issuersOf(each, trustAnchors)), ...trustAnchors];
  const view = {
    ...{ directory, now, host, trustAnchors, revocation },
    ...{ config: config.value, authorities: found.loaded, known: withoutDoubles(known) },
  };
  const services: ServiceRow[] = [];
  for (const service of servicesAmong(directory, names)) services.push(await serviceRow(service, view));
  const authorities = await authorityRows(found, { now, trustAnchors, revocation, services, config: config.value });
  return {
    ...{ directory, now, services, authorities },
    crls:
      crls.error === undefined
        ? crlRows(crls.value ?? [], { authorities: found.loaded, issuers: issuers.value }, now)
        : [],
    problems: [config.error, anchors.error, crls.error, issuers.error].flatMap(error =>
      error === undefined ? [] : [problemOf(error)],
    ),
    isConfigured: config.error === undefined,
    run: run.value,
  };
}

function namesIn(directory: string): readonly string[] {
  const names = statPath(directory) === undefined ? undefined : listNames(directory);
  if (names === undefined) {
    throw new MtlsctlError('not-found', `there is no PKI directory ${directory}`, {
      hints: ["create one with 'mtlsctl init-root', or name it with --dir <path>"],
      details: { path: directory },
    });
  }
  return names;
}

/** Authorities and anchors share most of their chains. */
function withoutDoubles(certificates: readonly Certificate[]): readonly Certificate[] {
  return certificates.filter(
    (each, index) => index === certificates.findIndex(other => sameOctets(other.der, each.der)),
  );
}

interface Around {
  readonly now: number;
  readonly trustAnchors: readonly Certificate[];
  readonly revocation: RevocationCheck;
  readonly services: readonly ServiceRow[];
  readonly config: Config | undefined;
}

async function authorityRows(
  { loaded, errors }: Awaited<ReturnType<typeof findAuthorities>>,
  { now, trustAnchors, revocation, services, config }: Around,
): Promise<readonly AuthorityRow[]> {
  const rows = [...errors].map(([name, error]) => brokenAuthority(name, error));
  for (const authority of loaded) {
    const isRevoked = (chain: readonly Certificate[]): boolean => revocation(chain) !== undefined;
    const fullLife = fullLifeUnder(authority, services, config);
    const isUsed = services.some(({ files }) => files.authority === authority.name);
    rows.push(await authorityRow(authority, { now, trustAnchors, isRevoked, fullLife, isUsed }));
  }
  return rows.sort((a, b) => (a.authority < b.authority ? -1 : 1));
}

const day = 86_400_000;

/** DESIGN.md, "What it is for", where mtlsctl.yaml can't be read. */
const defaultLife = { root: 3 * 365 * day, intermediate: 90 * day } as const;

/** How long what an authority issues lives at the longest: intermediates of a root; else leaves, as profile and the services here ask for. */
function fullLifeUnder(authority: Authority, services: readonly ServiceRow[], config: Config | undefined): number {
  const lifeOf = (profile: string, other: number): number =>
    config === undefined ? other : (profileValidity(profile, config) ?? other);
  if (authority.isRoot) return lifeOf('intermediate', defaultLife.root);
  const own = services.filter(({ files }) => files.authority === authority.name).map(({ validity }) => validity ?? 0);
  const ordinary = config?.defaults.validity ?? lifeOf(config?.defaults.profile ?? '', defaultLife.intermediate);
  return Math.max(ordinary, ...own);
}

function profileValidity(name: string, config: Config): number | undefined {
  try {
    return loadProfile(name, config).validity;
  } catch (error) {
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}
