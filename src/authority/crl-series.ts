import { MtlsctlError } from '../errors.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { noCrlPoints } from './crl-settings.ts';
import { refuseLosses, signCrl } from './crl-sign.ts';
import {
  crlInForce,
  type CrlOrder,
  type CrlPublication,
  endOfCrl,
  instantOf,
  nextNumber,
  publishedEvent,
  putInPlace,
} from './crl.ts';
import { fingerprint } from '../x509/certificate.ts';
import { listedAt, readRevocations, type Revocations } from './revocations.ts';

export interface SeriesOrder extends CrlOrder {
  /** How many CRLs. */
  readonly count: number;
  /** From the thisUpdate of one to that of the next, in milliseconds. */
  readonly every: number;
}

/**
 * Signs CRLs ahead, for an authority that is offline: each begins `every` after the one before, and ends no sooner than the next begins.
 * The first is put in force; the others are brought in their turn. Callers hold the lock of the CRL.
 * Throws `bad-value` where a gap would be between two, or where the authority ends before the last begins.
 */
export async function publishSeries(order: SeriesOrder): Promise<readonly CrlPublication[]> {
  order.ledger.requireBegun();
  let revocations = order.revocations ?? (await readRevocations(order.ledger.path));
  const inForce = await crlInForce(order);
  const start = instantOf(revocations, order);
  refuseGaps(order, start);
  const first = nextNumber(revocations, inForce);
  const series: CrlPublication[] = [];
  for (let i = 0; i < order.count; i += 1) {
    const publication = await signOne(order, revocations, first + i, start + i * order.every);
    if (i === 0 && inForce !== undefined) refuseLosses(publication.crl, inForce, revocations, order.ledger.path);
    revocations = withPublication(revocations, publication, start);
    series.push(publication);
  }
  await order.ledger.append(
    series.map(each => publishedEvent(each.crl, each)),
    order.now,
  );
  const [present] = series;
  if (present !== undefined) await putInPlace(order.paths, present.crl);
  return series;
}

async function signOne(
  { certificate, signer, points = noCrlPoints, validity }: SeriesOrder,
  revocations: Revocations,
  number: number,
  thisUpdate: number,
): Promise<CrlPublication> {
  const nextUpdate = endOfCrl({ certificate, validity }, thisUpdate);
  const revoked = listedAt(revocations, thisUpdate);
  const crl = await signCrl({ certificate, signer, points, number, thisUpdate, nextUpdate, revoked });
  return { crl, number, thisUpdate, nextUpdate };
}

/** What has been on one of the series, expired, need not be on the next. */
function withPublication(before: Revocations, { crl, ...facts }: CrlPublication, at: number): Revocations {
  const publication = { ...facts, at, base: undefined, seq: Number.MAX_SAFE_INTEGER, sha256: fingerprint(crl.der) };
  return { ...before, publications: [...before.publications, publication] };
}

function refuseGaps({ count, every, validity, certificate }: SeriesOrder, start: number): void {
  if (every > validity) {
    throw new MtlsctlError(
      'bad-value',
      `--every ${formatDuration(every)} is longer than a CRL is valid (${formatDuration(validity)}): there would be none in between`,
      { hints: [`give --validity ${formatDuration(2 * every)}, or a shorter --every`] },
    );
  }
  const last = start + (count - 1) * every;
  if (last <= certificate.notAfter) return;
  throw new MtlsctlError(
    'bad-value',
    `the last CRL of the series would begin at ${formatInstant(last)}, and the authority ends at ${formatInstant(certificate.notAfter)}`,
    { hints: ['give a smaller --series, or a shorter --every'] },
  );
}
