import type * as X509 from '@peculiar/x509';
import type * as CertificateSchema from './certificate-schema.ts';

let loaded: Promise<typeof X509> | undefined;

/** Loads @peculiar/x509 at its first use; it throws on import unless the reflect polyfill is there first (TRAPS.md). */
export function loadX509(): Promise<typeof X509> {
  loaded ??= import('reflect-metadata').then(() => import('@peculiar/x509'));
  return loaded;
}

let schema: Promise<typeof CertificateSchema> | undefined;

/** Loads what certificates are written with at its first use. */
export function loadCertificateSchema(): Promise<typeof CertificateSchema> {
  schema ??= import('./certificate-schema.ts');
  return schema;
}

/** What the generators take of an extension: they read nothing but its octets. */
export type RawExtension = Pick<X509.Extension, 'rawData'>;

/**
 * An Extension of @peculiar/x509 from its octets. Its class would encode and decode them once more each, five times a certificate:
 * 0.4 of 1.5 ms (Node 20.20, @peculiar/x509 2.2.0).
 */
export function rawExtension(der: Uint8Array): X509.Extension {
  return { rawData: toArrayBuffer(der) } satisfies RawExtension as unknown as X509.Extension;
}

/** A Name of @peculiar/x509 that is written as these octets, whatever string types they hold. Parsing and encoding again would cost 0.5 ms. */
export function rawName(x509: typeof X509, der: Uint8Array): X509.Name {
  const name = new x509.Name([]);
  name.toArrayBuffer = () => toArrayBuffer(der);
  return name;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
