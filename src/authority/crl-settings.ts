import type { Config } from '../config.ts';
import { MtlsctlError } from '../errors.ts';
import type { Authority } from './authority.ts';

/** URLs that stand in the CRLs of an authority themselves. */
export interface CrlPoints {
  /** Where it is fetched itself (RFC 5280, 5.2.5). */
  readonly issuing: readonly string[];
  /** Where its delta CRLs are (RFC 5280, 5.2.6). */
  readonly delta: readonly string[];
}

export const noCrlPoints: CrlPoints = { issuing: [], delta: [] };

/** What mtlsctl.yaml says of an authority. Throws `config-invalid` where a CRL is to name its URLs, and there are none. */
export function crlPointsOf(config: Config, name: string): CrlPoints {
  const { issuingDistributionPoint, crlUrls = [], deltaCrlUrls = [] } = config.authorities[name] ?? {};
  if (issuingDistributionPoint !== true) return { issuing: [], delta: deltaCrlUrls };
  if (crlUrls.length > 0) return { issuing: crlUrls, delta: deltaCrlUrls };
  throw new MtlsctlError(
    'config-invalid',
    `${config.source}: authorities.${name}.issuingDistributionPoint is true, and there are no crlUrls`,
    { hints: [`write authorities.${name}.crlUrls into ${config.source}`], details: { file: config.source } },
  );
}

/** How long a CRL of an authority is valid, in milliseconds. */
export function configuredValidity(config: Config, { name, isRoot }: Pick<Authority, 'isRoot' | 'name'>): number {
  return config.authorities[name]?.crlValidity ?? (isRoot ? config.crl.rootValidity : config.crl.validity);
}
