import type { Subtrees } from '../issuance/extensions.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName } from '../x509/name.ts';
import { describePublicKey } from '../x509/public-key.ts';
import type { Request } from '../x509/request.ts';
import { printable } from '../printable.ts';
import { type IntermediateOrder, intermediatePaths, intermediateProfile, subjectText } from './intermediate.ts';

type IntermediateResult =
  | {
      readonly status: string;
      readonly certificate: Certificate;
      readonly warnings: readonly string[];
      readonly out?: string;
    }
  | { readonly status: string; readonly request: Request; readonly path: string; readonly keyPath: string };

export function intermediateDocument(order: IntermediateOrder, result: IntermediateResult) {
  const head = { schema: 'mtlsctl/issue-intermediate/v1', status: result.status, name: order.name };
  if ('request' in result) {
    return {
      ...head,
      subject: formatName(result.request.subject),
      publicKey: describePublicKey(result.request.subjectPublicKeyInfo),
      keySha256: fingerprint(result.request.subjectPublicKeyInfo.der),
      request: result.path,
      key: result.keyPath,
    };
  }
  const { certificate, warnings, out } = result;
  return {
    ...head,
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    publicKey: describePublicKey(certificate.subjectPublicKeyInfo),
    sha256: fingerprint(certificate.der),
    certificate: out ?? intermediatePaths(order).certificate,
    warnings,
  };
}

export function intermediateText(document: ReturnType<typeof intermediateDocument>): string {
  const { schema, warnings, ...facts } = { warnings: [], ...document };
  const width = Math.max(...Object.keys(facts).map(key => key.length));
  const label = (key: string): string => `${key}:`.padEnd(width + 2);
  return Object.entries(facts)
    .map(([key, value]) => `${label(key)}${printable(value)}\n`)
    .join('');
}

/** What a request asks for, and what it would get. */
export function requestSummary(request: Request, granted: readonly string[]): string {
  const names = (subjectAltName(request) ?? []).map(formatGeneralName);
  return [
    `the request asks for the subject ${formatName(request.subject)}`,
    ...(names.length === 0 ? [] : [`  and for the names ${names.slice(0, 20).join(', ')}`]),
    `its key: ${describePublicKey(request.subjectPublicKeyInfo)}, SHA-256 ${fingerprint(request.subjectPublicKeyInfo.der)}`,
    ...granted,
  ].join('\n');
}

/** What an intermediate would be signed as, for whoever has to say yes. */
export function grantedLines(order: IntermediateOrder, issuer: Certificate): readonly string[] {
  const { validity, pathLength } = { ...intermediateProfile(order), ...defined(order) };
  const limits = Object.entries(order.nameConstraints).flatMap(([verb, subtrees]) =>
    Object.entries(subtrees as Subtrees).flatMap(([kind, values]) => values.map(value => `${verb} ${kind} ${value}`)),
  );
  return [
    `it would be signed as ${subjectText(order)}, valid for ${formatDuration(validity)}, path length ${pathLength ?? 'unlimited'}`,
    `  name constraints: ${limits.length === 0 ? 'none' : limits.join(', ')}`,
    ...(order.crlUrls.length === 0 ? [] : [`  CRL at ${order.crlUrls.join(', ')}`]),
    `by ${formatName(issuer.subject)}`,
  ];
}

function defined({ validity, pathLength }: IntermediateOrder): { validity?: number; pathLength?: number } {
  return { ...(validity !== undefined && { validity }), ...(pathLength !== undefined && { pathLength }) };
}
