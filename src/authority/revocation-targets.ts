import { hash } from 'node:crypto';
import { MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import { type Certificate, parseCertificate, serialHex } from '../x509/certificate.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { verifySignature } from '../x509/signature.ts';
import { sameOctets } from '../der/octets.ts';
import { type Authority, installedAuthorities, loadAuthority } from './authority.ts';
import { findCertificates, type IssuedCertificate, type IssuedFilter } from './issued.ts';
import { openLedger } from './issue.ts';

/** Whose revocation is asked for. */
export type RevocationTarget =
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly file: string }
  | { readonly kind: 'many'; readonly issuedBefore: number | undefined; readonly spki: string | undefined }
  | { readonly kind: 'serial'; readonly serial: string }
  /** Undefined for all that was issued to it. */
  | { readonly kind: 'service'; readonly service: string; readonly issuedBefore?: number | undefined };

/** Certificates of one authority. */
export interface AuthorityTargets {
  readonly authority: Authority;
  readonly certificates: readonly IssuedCertificate[];
}

export interface TargetSearch {
  readonly directory: string;
  readonly target: RevocationTarget;
  /** Undefined to look with every authority whose ledger is here. */
  readonly authority: string | undefined;
  readonly now: number;
}

/**
 * The certificates that are meant, by the authorities that issued them; those that have expired only where they are named by serial number
 * or file. Throws `not-issued` where no authority here issued such a one, `ambiguous-authority` where two did, `ledger-corrupt`.
 */
export async function findTargets(search: TargetSearch): Promise<readonly AuthorityTargets[]> {
  const authorities = await searchedAuthorities(search);
  const found: AuthorityTargets[] = [];
  for (const authority of authorities) {
    const ledger = openLedger(search.directory, authority);
    ledger.requireBegun();
    const certificates = await findCertificates(ledger.path, filterOf(search.target));
    if (certificates.length > 0) found.push({ authority, certificates });
  }
  if (found.length === 0) throw notIssued(search, authorities);
  if (search.target.kind === 'certificate') refuseOther(search.target, found);
  refuseAmbiguous(search.target, found);
  if (search.target.kind === 'serial' || search.target.kind === 'certificate') return found;
  return found.map(({ authority, certificates }) => ({
    authority,
    certificates: certificates.filter(({ notAfter }) => notAfter >= search.now),
  }));
}

async function searchedAuthorities({ directory, target, authority }: TargetSearch): Promise<readonly Authority[]> {
  const known =
    authority === undefined ? await installedAuthorities(directory) : [await loadAuthority(directory, authority)];
  if (known.length === 0) {
    throw new MtlsctlError('authority-missing', `there is no authority in ${directory}`, {
      hints: ["name the PKI directory with --dir, or create an authority with 'mtlsctl init-root'"],
    });
  }
  return target.kind === 'certificate' ? known.filter(each => isIssuer(each, target.certificate)) : known;
}

function isIssuer({ certificate: { subject, subjectPublicKeyInfo } }: Authority, certificate: Certificate): boolean {
  return (
    namesMatch(certificate.issuer, subject) &&
    verifySignature(certificate.signatureAlgorithm, subjectPublicKeyInfo, certificate.tbs, certificate.signature) ===
      'valid'
  );
}

function filterOf(target: RevocationTarget): IssuedFilter {
  switch (target.kind) {
    case 'certificate':
      return { serial: serialHex(target.certificate.serialNumber) };
    case 'serial':
      return { serial: target.serial };
    case 'service':
      return {
        service: target.service,
        ...(target.issuedBefore !== undefined && { issuedBefore: target.issuedBefore }),
      };
    case 'many':
      return {
        ...(target.issuedBefore !== undefined && { issuedBefore: target.issuedBefore }),
        ...(target.spki !== undefined && { matches: ({ certificate }) => spkiOf(certificate) === target.spki }),
      };
  }
}

function spkiOf(certificate: string): string {
  return hash('sha256', parseCertificate(Buffer.from(certificate, 'base64')).subjectPublicKeyInfo.der, 'hex');
}

function notIssued(search: TargetSearch, authorities: readonly Authority[]): MtlsctlError {
  const { target, directory } = search;
  const own = ownSerial(search, authorities);
  if (own !== undefined) return own;
  const names = authorities.map(({ name }) => name);
  const asked = search.authority === undefined ? `no authority in ${directory}` : `authority '${search.authority}'`;
  const verb = search.authority === undefined ? 'has issued' : 'has not issued';
  return new MtlsctlError('not-issued', `${asked} ${verb} ${describe(target)}`, {
    hints: [
      ...(names.length === 0 ? [] : [`looked in the ledgers of: ${names.join(', ')}`]),
      'revoke it where the ledger and the key of its authority are',
    ],
    details: { ...(target.kind === 'serial' && { serial: target.serial }), authorities: names },
  });
}

function describe(target: RevocationTarget): string {
  switch (target.kind) {
    case 'certificate':
      return `the certificate in ${target.file} (serial ${serialHex(target.certificate.serialNumber)}, issued by ${printable(formatName(target.certificate.issuer))})`;
    case 'serial':
      return `a certificate with the serial ${target.serial}`;
    case 'service':
      return `a certificate to '${target.service}'${beforeText(target.issuedBefore)}`;
    case 'many':
      return `a certificate${target.spki === undefined ? '' : ` with the key ${target.spki}`}${beforeText(target.issuedBefore)}`;
  }
}

function beforeText(instant: number | undefined): string {
  return instant === undefined ? '' : ` before ${formatInstant(instant)}`;
}

/** An authority can't speak for itself: of a revoked one no statement counts. */
function ownSerial({ target }: TargetSearch, authorities: readonly Authority[]): MtlsctlError | undefined {
  if (target.kind !== 'serial' && target.kind !== 'certificate') return undefined;
  const serial = target.kind === 'serial' ? target.serial : serialHex(target.certificate.serialNumber);
  const self = authorities.find(({ certificate }) => serialHex(certificate.serialNumber) === serial);
  if (self === undefined) return undefined;
  const hint = self.isRoot
    ? 'nobody revokes a root: take it out of every ca.pem, and begin with another'
    : `revoke it at its issuer, ${formatName(self.certificate.issuer)}: mtlsctl revoke --serial ${serial}`;
  return new MtlsctlError('not-issued', `${serial} is the serial of authority '${self.name}' itself`, {
    hints: [hint],
    details: { serial, authority: self.name },
  });
}

/** The file is of another certificate than the ledger has under its serial number: somebody else has used the key. */
function refuseOther(
  { certificate, file }: Extract<RevocationTarget, { kind: 'certificate' }>,
  found: readonly AuthorityTargets[],
): void {
  const known = found.flatMap(({ certificates }) => certificates);
  if (known.some(({ issued }) => sameOctets(Buffer.from(issued.certificate, 'base64'), certificate.der))) return;
  const serial = serialHex(certificate.serialNumber);
  throw new MtlsctlError('not-issued', `${file} is another certificate than the one issued with the serial ${serial}`, {
    hints: [`to revoke that one all the same: mtlsctl revoke --serial ${serial}`],
    details: { serial, file },
  });
}

/** To revoke an authority instead of a service would end far more than was meant. */
function refuseAmbiguous(target: RevocationTarget, found: readonly AuthorityTargets[]): void {
  if (target.kind === 'many' || found.length < 2) return;
  const names = found.map(({ authority }) => authority.name);
  if (target.kind !== 'service') {
    throw new MtlsctlError('ambiguous-authority', `several authorities have issued ${describe(target)}`, {
      hints: names.map(name => `add --authority ${name}`),
      details: { authorities: names },
    });
  }
  const { service } = target;
  const isAuthority = found.map(({ certificates }) => certificates.some(isIntermediate));
  if (isAuthority.every(each => each === isAuthority[0])) return;
  throw new MtlsctlError('ambiguous-authority', `'${service}' is a service and an authority`, {
    hints: names.map(
      (name, index) =>
        `for the ${isAuthority[index] === true ? 'authority' : 'service'}: mtlsctl revoke ${service} --authority ${name}`,
    ),
    details: { authorities: names },
  });
}

/** Whether it is the certificate of an authority, and not of a service. */
export function isIntermediate({ issued }: IssuedCertificate): boolean {
  return issued.profile === 'intermediate';
}
