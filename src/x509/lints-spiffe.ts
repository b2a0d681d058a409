import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from './certificate.ts';
import { extendedKeyUsage, findExtension, keyUsage, KeyUsage, subjectAltName } from './extensions.ts';
import type { Lint } from './lint-rule.ts';
import { parseSpiffeId, spiffeIdProblem } from './name-syntax.ts';

/** The rules for X.509-SVIDs. They hold for certificates that have a URI of the scheme `spiffe`, and for no others. */
export const spiffeLints: readonly Lint[] = [
  svid('svid-one-uri', '2', 'any', 'has another URI beside its SPIFFE ID', c => uris(c).length > 1),
  svid('svid-id-malformed', '2', 'any', 'has a SPIFFE ID that is none', c =>
    uris(c).some(uri => spiffeIdProblem(uri) !== undefined),
  ),
  svid('svid-leaf-path', '3.1', 'end-entity', 'is a leaf whose SPIFFE ID has no path', c => paths(c).includes('')),
  svid('svid-signing-path', '3.2', 'ca', 'is a signing certificate whose SPIFFE ID has a path', c =>
    paths(c).some(path => path !== ''),
  ),
  svid(
    'svid-leaf-signs',
    '4.1',
    'end-entity',
    'is a leaf that may sign certificates or CRLs',
    c => ((keyUsage(c) ?? 0) & (KeyUsage.keyCertSign | KeyUsage.cRLSign)) !== 0,
  ),
  svid(
    'svid-key-usage',
    '4.3',
    'any',
    'has no keyUsage, or does not mark it critical',
    c => findExtension(c, oids.keyUsage)?.critical !== true,
  ),
  svid(
    'svid-digital-signature',
    '4.3',
    'end-entity',
    'is a leaf without digitalSignature',
    c => ((keyUsage(c) ?? 0) & KeyUsage.digitalSignature) === 0,
  ),
  svid(
    'svid-signing-usage',
    '4.3',
    'ca',
    'is a signing certificate without keyCertSign',
    c => ((keyUsage(c) ?? 0) & KeyUsage.keyCertSign) === 0,
  ),
  svid('svid-purposes', '4.4', 'end-entity', 'has an extendedKeyUsage that lacks serverAuth or clientAuth', c => {
    const purposes = extendedKeyUsage(c);
    return purposes !== undefined && !(purposes.includes(oids.serverAuth) && purposes.includes(oids.clientAuth));
  }),
];

function svid(
  name: string,
  clause: string,
  appliesTo: Lint['appliesTo'],
  says: string,
  broken: (certificate: Certificate) => boolean,
): Lint {
  return {
    name,
    source: `SPIFFE X509-SVID, ${clause}`,
    level: 'error',
    appliesTo,
    says,
    broken: certificate => uris(certificate).some(isSpiffe) && broken(certificate),
  };
}

function uris(certificate: Certificate): readonly string[] {
  return (subjectAltName(certificate) ?? []).flatMap(name => (name.kind === 'uri' ? [name.value] : []));
}

function isSpiffe(uri: string): boolean {
  return uri.toLowerCase().startsWith('spiffe:');
}

/** The paths of its well-formed SPIFFE IDs. */
function paths(certificate: Certificate): readonly string[] {
  return uris(certificate).flatMap(uri => {
    const parsed = parseSpiffeId(uri);
    return typeof parsed === 'string' ? [] : [parsed.path];
  });
}
