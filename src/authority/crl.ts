import { MtlsctlError } from '../errors.ts';
import { replaceFile } from '../files.ts';
import type { Signer } from '../keys/signer.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, fingerprint, serialFromHex } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { assembleSigned, type CrlWriterEntry, encodeTbsCrl } from '../x509/crl-writer.ts';
import { subjectKeyIdentifier } from '../x509/extensions.ts';
import { encodePem } from '../x509/pem.ts';
import { verifySignature } from '../x509/signature.ts';
import { lockDirectory } from '../lock-directory.ts';
import type { AuthorityPaths } from './authority.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';

/** A CRL of ours as it was published. Instants in milliseconds. */
export interface CrlPublication {
  readonly crl: Crl;
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

export interface CrlOrder {
  readonly certificate: Certificate;
  readonly paths: AuthorityPaths;
  readonly ledger: Ledger;
  readonly signer: Signer;
  readonly now: number;
  /** From thisUpdate to nextUpdate, in milliseconds. */
  readonly validity: number;
}

/**
 * Signs a CRL of what the ledger says is revoked, with the next number (RFC 5280, 5.2.3), reads it back, records it and only then
 * puts it in the place of the last one. Callers use withCrlLock() once others can see the authority, so that numbers follow each other.
 */
export async function publishCrl(order: CrlOrder): Promise<CrlPublication> {
  order.ledger.requireBegun();
  const { entries } = await order.ledger.read(relevantEvents);
  const number = (lastPublished(entries)?.number ?? 0) + 1;
  const thisUpdate = Math.floor(order.now / 1000) * 1000;
  const nextUpdate = thisUpdate + order.validity;
  const revoked = revokedEntries(entries);
  const der = await signCrl(order, { number, thisUpdate, nextUpdate, revoked });
  const crl = readBack(der, order.certificate, revoked.length);
  await order.ledger.append(
    [
      {
        event: 'crl-published',
        number,
        thisUpdate: formatInstant(thisUpdate),
        nextUpdate: formatInstant(nextUpdate),
        entries: revoked.length,
        sha256: fingerprint(der),
      },
    ],
    order.now,
  );
  await replaceFile(order.paths.crlPem, encodePem('X509 CRL', der), { mode: 0o644 });
  await replaceFile(order.paths.crlDer, der, { mode: 0o644 });
  return { crl, number, thisUpdate, nextUpdate };
}

/** Runs an action while no other process publishes a CRL of the same authority. */
export function withCrlLock<T>(directory: string, name: string, action: () => Promise<T>): Promise<T> {
  return withLock(lockDirectory(directory, `crl.${name}`), action, { what: `the CRL of authority '${name}'` });
}

/** What a CRL is made from. */
const relevantEvents: ReadonlySet<LedgerEntry['event']> = new Set<LedgerEntry['event']>([
  'crl-published',
  'released',
  'revoked',
]);

type EntryOf<Event extends LedgerEntry['event']> = Extract<LedgerEntry, { readonly event: Event }>;

function lastPublished(entries: readonly LedgerEntry[]): EntryOf<'crl-published'> | undefined {
  return entries.findLast(entry => entry.event === 'crl-published');
}

/** What is revoked and not released, but for what has been on a CRL issued after its certificate had expired (RFC 5280, 3.3). */
function revokedEntries(entries: readonly LedgerEntry[]): readonly CrlWriterEntry[] {
  const revoked = new Map<string, EntryOf<'revoked'>>();
  for (const entry of entries) {
    if (entry.event === 'revoked') revoked.set(entry.serial, entry);
    if (entry.event === 'released') revoked.delete(entry.serial);
  }
  const last = lastPublished(entries);
  const wasListedExpired = ({ seq, notAfter }: EntryOf<'revoked'>): boolean =>
    last !== undefined && seq < last.seq && Date.parse(notAfter) < Date.parse(last.thisUpdate);
  return [...revoked.values()].filter(entry => !wasListedExpired(entry)).map(crlEntry);
}

function crlEntry({ serial, date, reason, invalidityDate }: EntryOf<'revoked'>): CrlWriterEntry {
  return {
    serialNumber: serialFromHex(serial),
    revocationDate: Date.parse(date),
    reason,
    invalidityDate: invalidityDate === undefined ? undefined : Date.parse(invalidityDate),
  };
}

interface CrlContent {
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly revoked: readonly CrlWriterEntry[];
}

async function signCrl(order: CrlOrder, content: CrlContent): Promise<Uint8Array> {
  const authorityKeyIdentifier = subjectKeyIdentifier(order.certificate);
  if (authorityKeyIdentifier === undefined) {
    throw new MtlsctlError('malformed', "the authority's certificate has no subjectKeyIdentifier (RFC 5280, 4.2.1.2)");
  }
  const { signatureAlgorithm } = order.signer;
  const tbs = encodeTbsCrl({
    signatureAlgorithm,
    issuer: order.certificate.subject.der,
    thisUpdate: content.thisUpdate,
    nextUpdate: content.nextUpdate,
    number: BigInt(content.number),
    authorityKeyIdentifier,
    entries: content.revoked,
  });
  return assembleSigned(tbs, signatureAlgorithm, await order.signer.sign(tbs));
}

/** What our own reader and verifier would refuse is never published. */
function readBack(der: Uint8Array, issuer: Certificate, entries: number): Crl {
  const crl = parseCrl(der);
  const signature = verifySignature(crl.signatureAlgorithm, issuer.subjectPublicKeyInfo, crl.tbs, crl.signature);
  if (signature === 'valid' && crl.revokedCount === entries) return crl;
  throw new MtlsctlError(
    'issued-certificate-refused',
    `the CRL just signed does not read back (signature ${signature})`,
  );
}
