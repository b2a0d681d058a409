import type { Facts, Value } from '../x509/describe.ts';
import { escapeSeparators } from '../x509/general-name.ts';
import { asText, isFacts, isFactsList } from './facts.ts';

/** The value of an extension, as describeExtensions() gives it, in one line or several. Nothing is escaped yet. */
export function extensionLines(name: string, value: Value): readonly string[] {
  return renderers[name]?.(value) ?? plainLines(value);
}

type Renderer = (value: Value) => readonly string[] | undefined;

const joined: Renderer = value =>
  Array.isArray(value) ? [(value as readonly Value[]).map(asText).join(', ')] : undefined;
const names: Renderer = value => (isFactsList(value) ? value.map(nameText) : undefined);
const points: Renderer = value => (isFactsList(value) ? value.flatMap(pointLines) : undefined);
const accesses: Renderer = value => (isFactsList(value) ? value.map(accessLine) : undefined);

const renderers: Readonly<Record<string, Renderer>> = {
  authorityInformationAccess: accesses,
  authorityKeyIdentifier: value => (isFacts(value) ? keyIdentifierLines(value) : undefined),
  basicConstraints: value => (isFacts(value) ? [constraintsLine(value)] : undefined),
  cRLDistributionPoints: points,
  certificateIssuer: names,
  certificatePolicies: value => (isFactsList(value) ? value.flatMap(policyLines) : undefined),
  extendedKeyUsage: joined,
  freshestCRL: points,
  'id-pkix-ocsp-nocheck': () => ['yes'],
  issuerAltName: names,
  keyUsage: joined,
  nameConstraints: value => (isFacts(value) ? subtreeLines(value) : undefined),
  policyMappings: value => (isFactsList(value) ? value.map(mappingLine) : undefined),
  subjectAltName: names,
  subjectInformationAccess: accesses,
  tlsFeature: joined,
};

const prefixes: Readonly<Record<string, string>> = {
  dns: 'DNS',
  email: 'email',
  uri: 'URI',
  ip: 'IP',
  directory: 'DirName',
  registeredId: 'RID',
};

/** These hold whatever their maker liked; a DirName is escaped already. */
const freeTextKinds: ReadonlySet<string> = new Set(['dns', 'email', 'uri']);

/** `DNS:a.example`, as OpenSSL writes it, but that no name can pass for two. */
function nameText(name: Facts): string {
  const { kind, typeId, value, hex } = name;
  const prefix =
    prefixes[asText(kind)] ??
    [kind, typeId]
      .filter(part => part !== undefined)
      .map(asText)
      .join(':');
  const range = [rangeText('minimum', name['minimum']), rangeText('maximum', name['maximum'])].join('');
  const text = asText(value ?? hex);
  return `${prefix}:${freeTextKinds.has(asText(kind)) ? escapeSeparators(text) : text}${range}`;
}

function rangeText(name: string, value: Value | undefined): string {
  return value === undefined ? '' : `, ${name} ${asText(value)}`;
}

function constraintsLine(value: Facts): string {
  const { cA, pathLenConstraint } = value;
  return `cA ${cA === true ? 'TRUE' : 'FALSE'}${rangeText('pathLenConstraint', pathLenConstraint)}`;
}

function keyIdentifierLines(value: Facts): readonly string[] {
  const { keyIdentifier, authorityCertIssuer, authorityCertSerialNumber } = value;
  return [
    ...(keyIdentifier === undefined ? [] : [asText(keyIdentifier)]),
    ...(isFactsList(authorityCertIssuer)
      ? authorityCertIssuer.map(name => `authorityCertIssuer ${nameText(name)}`)
      : []),
    ...(authorityCertSerialNumber === undefined
      ? []
      : [`authorityCertSerialNumber ${asText(authorityCertSerialNumber)}`]),
  ];
}

function subtreeLines(value: Facts): readonly string[] {
  const { permittedSubtrees, excludedSubtrees } = value;
  return [
    ...(isFactsList(permittedSubtrees) ? permittedSubtrees.map(name => `permitted ${nameText(name)}`) : []),
    ...(isFactsList(excludedSubtrees) ? excludedSubtrees.map(name => `excluded ${nameText(name)}`) : []),
  ];
}

function pointLines(point: Facts): readonly string[] {
  const { distributionPoint, reasons, cRLIssuer } = point;
  return [
    ...(isFacts(distributionPoint) ? pointNameLines(distributionPoint) : []),
    ...(Array.isArray(reasons) ? [`reasons ${(reasons as readonly Value[]).map(asText).join(', ')}`] : []),
    ...(isFactsList(cRLIssuer) ? cRLIssuer.map(name => `cRLIssuer ${nameText(name)}`) : []),
  ];
}

function pointNameLines(name: Facts): readonly string[] {
  const { fullName, nameRelativeToCRLIssuer } = name;
  return isFactsList(fullName)
    ? fullName.map(nameText)
    : [`nameRelativeToCRLIssuer ${asText(nameRelativeToCRLIssuer)}`];
}

function accessLine(access: Facts): string {
  const { accessMethod, accessLocation } = access;
  return `${asText(accessMethod)} ${isFacts(accessLocation) ? nameText(accessLocation) : ''}`;
}

function policyLines(policy: Facts): readonly string[] {
  const { policyIdentifier, policyQualifiers } = policy;
  const qualifiers = isFactsList(policyQualifiers) ? policyQualifiers : [];
  return [
    asText(policyIdentifier),
    ...qualifiers.map(({ policyQualifierId, text, hex }) => `  ${asText(policyQualifierId)} ${asText(text ?? hex)}`),
  ];
}

function mappingLine({ issuerDomainPolicy, subjectDomainPolicy }: Facts): string {
  return `${asText(issuerDomainPolicy)} = ${asText(subjectDomainPolicy)}`;
}

/** For whatever has no form of its own: a value, or `name value` for each member. */
function plainLines(value: Value): readonly string[] {
  if (!isFacts(value)) return [asText(value)];
  return Object.entries(value).flatMap(([name, member]) => {
    if (member === undefined || member === false) return [];
    if (name === 'distributionPoint' && isFacts(member)) return pointNameLines(member);
    return [member === true ? name : `${name} ${asText(member)}`];
  });
}
