import { readElement } from '../der/reader.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import { formatName, readName } from '../x509/name.ts';
import type { NameConstraintsOrder } from '../issuance/extensions.ts';
import type { CreatedRoot, RootPlan } from './create-root.ts';

/** What `init-root --plan` prints: all that would be made. */
export function planDocument(plan: RootPlan, encrypted: boolean | undefined) {
  return {
    schema: 'mtlsctl/init-root/v1',
    status: 'planned',
    name: plan.name,
    directory: plan.directory,
    trustDomain: plan.trustDomain,
    subject: formatName(readName(readElement(plan.subject, 'subject'))),
    keyType: plan.keyType,
    keyEncrypted: encrypted ?? null,
    validity: formatDuration(plan.validity),
    notAfter: formatInstant(plan.now + plan.validity),
    pathLength: plan.pathLength ?? null,
    nameConstraints: plan.nameConstraints,
    crlValidity: formatDuration(plan.crlValidity),
    files: plan.files,
  };
}

export function createdDocument(plan: RootPlan, { certificate, crl }: CreatedRoot) {
  return {
    ...rootFacts(certificate),
    status: 'created',
    name: plan.name,
    directory: plan.directory,
    trustDomain: plan.trustDomain,
    keyType: plan.keyType,
    pathLength: plan.pathLength ?? null,
    nameConstraints: plan.nameConstraints,
    crl: { number: crl.number, thisUpdate: formatInstant(crl.thisUpdate), nextUpdate: formatInstant(crl.nextUpdate) },
    files: plan.files,
  };
}

export function completedDocument(name: string, directory: string, certificate: Certificate) {
  return { ...rootFacts(certificate), status: 'completed', name, directory };
}

function rootFacts(certificate: Certificate) {
  return {
    schema: 'mtlsctl/init-root/v1',
    subject: formatName(certificate.subject),
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    sha256: fingerprint(certificate.der),
  };
}

export function planText(document: ReturnType<typeof planDocument>, paint: Paint): string {
  const key = document.keyEncrypted === null ? '' : document.keyEncrypted ? ', encrypted' : ', not encrypted';
  return `${paint('would be made, and nothing is made now:', 'bold')}
${rows([
  ['subject', document.subject],
  ['key', `${document.keyType}${key}`],
  ['validity', `${document.validity}, until ${document.notAfter}`],
  ['path length', document.pathLength === null ? 'no limit' : String(document.pathLength)],
  ...constraintRows(document.nameConstraints),
  ['trust domain', document.trustDomain],
  ['CRL validity', document.crlValidity],
])}${paint('files:', 'bold')}
${document.files.map(file => `  ${printable(file)}\n`).join('')}`;
}

export function createdText(document: ReturnType<typeof createdDocument>): string {
  return rows([
    ['subject', document.subject],
    ['serial', document.serial],
    ['fingerprint', document.sha256],
    ['expires', document.notAfter],
    ['next CRL due', document.crl.nextUpdate],
    ['directory', document.directory],
  ]);
}

export function completedText(document: ReturnType<typeof completedDocument>): string {
  return rows([
    ['subject', document.subject],
    ['fingerprint', document.sha256],
    ['expires', document.notAfter],
  ]);
}

function constraintRows({ permitted, excluded }: NameConstraintsOrder): readonly (readonly [string, string])[] {
  const row = (label: string, subtrees: NameConstraintsOrder['permitted']): readonly (readonly [string, string])[] => {
    const names = Object.entries(subtrees).flatMap(([kind, values]: [string, readonly string[]]) =>
      values.map(value => `${kind}:${value}`),
    );
    return names.length === 0 ? [] : [[label, names.join(', ')]];
  };
  return [...row('permitted names', permitted), ...row('excluded names', excluded)];
}

/** Label and value, a pair a line, in two columns. */
function rows(pairs: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs.map(([label, value]) => `${`${label}:`.padEnd(width + 2)}${printable(value)}\n`).join('');
}
