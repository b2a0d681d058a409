import { oidName, oids } from '../der/object-identifiers.ts';
import type { Certificate } from '../x509/certificate.ts';
import { basicConstraints, extendedKeyUsage, keyUsage, KeyUsage } from '../x509/extensions.ts';
import { label, type Reason } from './reasons.ts';
import type { Run } from './run.ts';
import type { Purpose, VerifyInput } from './verify.ts';

interface PurposeRow {
  readonly extendedKeyUsage: readonly string[];
  /** Each entry is a choice: one of its bits is enough. RFC 5280, 4.2.1.12 names the bits that go with a purpose. */
  readonly keyUsage: readonly { readonly mask: number; readonly says: string }[];
}

const serverBits = {
  mask: KeyUsage.digitalSignature | KeyUsage.keyEncipherment | KeyUsage.keyAgreement,
  says: 'digitalSignature, keyEncipherment or keyAgreement',
};
const clientBits = {
  mask: KeyUsage.digitalSignature | KeyUsage.keyAgreement,
  says: 'digitalSignature or keyAgreement',
};

const purposes: Readonly<Record<Purpose, PurposeRow>> = {
  server: { extendedKeyUsage: [oids.serverAuth], keyUsage: [serverBits] },
  client: { extendedKeyUsage: [oids.clientAuth], keyUsage: [clientBits] },
  mutual: { extendedKeyUsage: [oids.serverAuth, oids.clientAuth], keyUsage: [clientBits] },
  any: { extendedKeyUsage: [], keyUsage: [] },
};

/** What the certificates of the chain may be used for, against what is asked. */
export function purposeReasons({ input }: Run, chain: readonly Certificate[]): readonly Reason[] {
  const asked = (input.extendedKeyUsage ?? []).map(purposeOid);
  const required = new Set([...purposes[input.purpose].extendedKeyUsage, ...asked]);
  return [
    ...chain.flatMap(certificate => extendedKeyUsageReasons(certificate, required)),
    ...keyUsageReasons(input).filter(({ code }) => code !== 'ca-as-leaf'),
  ];
}

/** What is odd about the leaf and no refusal. */
export function purposeWarnings(input: VerifyInput): readonly Reason[] {
  return keyUsageReasons(input).filter(({ code }) => code === 'ca-as-leaf');
}

const purposeByName: ReadonlyMap<string, string> = new Map(Object.entries(oids));

function purposeOid(nameOrOid: string): string {
  return purposeByName.get(nameOrOid) ?? nameOrOid;
}

/** An unknown name is a bit that nobody has, so that it refuses. */
function namedBit(name: string): { mask: number; says: string } {
  const bit = Object.entries(KeyUsage).find(([known]) => known === name)?.[1];
  return { mask: bit ?? 0, says: name };
}

/**
 * A CA's extendedKeyUsage limits what it issues for, as every verifier in the field has it; absent, everything is allowed.
 * RFC 5280, 4.2.1.12.
 */
function extendedKeyUsageReasons(certificate: Certificate, required: ReadonlySet<string>): readonly Reason[] {
  const allowed = extendedKeyUsage(certificate);
  if (allowed === undefined || allowed.includes(oids.anyExtendedKeyUsage)) return [];
  return [...required]
    .filter(oid => !allowed.includes(oid))
    .map(oid => ({
      code: 'extended-key-usage',
      subject: label(certificate),
      required: oidName(oid) ?? oid,
      found: allowed.map(other => oidName(other) ?? other).join(', '),
    }));
}

/**
 * A CA in the leaf's place has a code of its own: x509-limbo takes it for permitted, whatever its bits and strict or not
 * ('rfc5280::ca-as-leaf-wrong-san'), where OpenSSL refuses it.
 */
function keyUsageReasons({ leaf, purpose, keyUsage: named = [] }: VerifyInput): readonly Reason[] {
  const usage = keyUsage(leaf);
  if (usage === undefined) return [];
  const code = basicConstraints(leaf)?.ca === true ? 'ca-as-leaf' : 'key-usage';
  return [...purposes[purpose].keyUsage, ...named.map(namedBit)]
    .filter(({ mask }) => (usage & mask) === 0)
    .map(({ says }) => ({ code, subject: label(leaf), required: says }));
}
