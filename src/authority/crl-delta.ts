import { MtlsctlError } from '../errors.ts';
import { replaceFile } from '../files.ts';
import { formatInstant } from '../options.ts';
import { CrlReason } from '../x509/extensions.ts';
import { encodePemFile } from '../x509/pem.ts';
import { type ListedRevocations, listOf } from './revocation-table.ts';
import { noCrlPoints } from './crl-settings.ts';
import { signCrl } from './crl-sign.ts';
import {
  crlInForce,
  type CrlOrder,
  type CrlPublication,
  endOfCrl,
  instantOf,
  nextNumber,
  publishedEvent,
} from './crl.ts';
import { currentPublication, type Publication, readRevocations, type Revocations } from './revocations.ts';

/**
 * Signs a delta CRL: what was revoked since a complete CRL, and what was taken back from hold (RFC 5280, 5.2.4). Its number is of the
 * same sequence. It goes into `delta.pem` and `delta.der` of the authority, and never into `crl.pem`, whose readers do not know deltas.
 * Callers hold the lock of the CRL. Throws `not-found` where there is no complete CRL to go with.
 */
export async function publishDelta(order: CrlOrder): Promise<CrlPublication> {
  order.ledger.requireBegun();
  const revocations = order.revocations ?? (await readRevocations(order.ledger.path));
  const thisUpdate = instantOf(revocations, order);
  const complete = baseAt(revocations, thisUpdate);
  if (complete === undefined) throw noBase(order, thisUpdate);
  const base = complete.number;
  const nextUpdate = endOfCrl(order, thisUpdate);
  const number = nextNumber(revocations, await crlInForce(order));
  const crl = await signCrl({
    ...{ certificate: order.certificate, signer: order.signer, points: order.points ?? noCrlPoints },
    ...{ number, thisUpdate, nextUpdate, base, revoked: changesSince(complete, revocations) },
  });
  await order.ledger.append([publishedEvent(crl, { number, thisUpdate, nextUpdate, base })], order.now);
  await replaceFile(order.paths.deltaPem, encodePemFile('X509 CRL', crl.der), { mode: 0o644 });
  await replaceFile(order.paths.deltaDer, crl.der, { mode: 0o644 });
  return { crl, number, thisUpdate, nextUpdate, base };
}

/**
 * The oldest complete CRL that is still in time: whichever a relying party has, this delta brings it up to date. Where all have ended,
 * the last one.
 */
function baseAt(revocations: Revocations, now: number): Publication | undefined {
  const inTime = revocations.publications.find(
    ({ base, thisUpdate, nextUpdate }) => base === undefined && thisUpdate <= now && nextUpdate > now,
  );
  return inTime ?? currentPublication(revocations, now);
}

/** By the lines of the ledger, which are in the order of what happened. What a party never had on its list it removes for nothing. */
function changesSince({ seq }: Publication, { revoked, released }: Revocations): ListedRevocations {
  const removed = [...released.values()]
    .filter(each => each.seq > seq)
    .map(({ serial, date }) => ({ serial, date, reason: CrlReason.removeFromCRL, invalidityDate: undefined }));
  return listOf([...revoked.listed(line => line > seq).revocations(), ...removed]);
}

function noBase({ paths }: CrlOrder, thisUpdate: number): MtlsctlError {
  return new MtlsctlError(
    'not-found',
    `there is no complete CRL of ${formatInstant(thisUpdate)} that a delta could go with`,
    {
      hints: ["sign one: run 'mtlsctl crl' without --delta"],
      details: { ledger: paths.ledger },
    },
  );
}
