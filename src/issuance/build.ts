import { unsignedIntegerContent } from '../der/writer.ts';
import type { Signer } from '../keys/signer.ts';
import { loadCertificateSchema } from './package.ts';
import type { Blueprint } from './release.ts';

/** Writes and signs a Certificate (RFC 5280, 4.1). What the signer throws comes through. */
export async function buildCertificate(blueprint: Blueprint, signer: Signer): Promise<Uint8Array> {
  const { AsnConvert, Certificate, Extensions, TBSCertificate, Validity, Version } = await loadCertificateSchema();
  const signatureAlgorithm = encoded(signer.signatureAlgorithm);
  const tbsCertificate = AsnConvert.serialize(
    new TBSCertificate({
      version: Version.v3,
      serialNumber: toArrayBuffer(unsignedIntegerContent(blueprint.serialNumber)),
      signature: signatureAlgorithm,
      issuer: encoded(blueprint.issuer),
      validity: new Validity({ notBefore: new Date(blueprint.notBefore), notAfter: new Date(blueprint.notAfter) }),
      subject: encoded(blueprint.subject),
      subjectPublicKeyInfo: encoded(blueprint.publicKey.der),
      extensions: new Extensions(blueprint.extensions.map(extension => encoded(extension.der))),
    }),
  );
  const signatureValue = toArrayBuffer(await signer.sign(new Uint8Array(tbsCertificate)));
  const tbs = encoded(new Uint8Array(tbsCertificate));
  return new Uint8Array(
    AsnConvert.serialize(new Certificate({ tbsCertificate: tbs, signatureAlgorithm, signatureValue })),
  );
}

/** What the serializer of the schema asks of a part that encodes itself. */
interface EncodesItself {
  toASN(): { toBER(sizeOnly: boolean, writer?: { write(octets: ArrayBuffer): void }): ArrayBuffer };
  fromASN(): never;
}

/** A part of which the octets are there already. Stands for any type of the schema. */
function encoded(der: Uint8Array): never {
  const octets = toArrayBuffer(der);
  const part: EncodesItself = {
    toASN: () => ({
      toBER: (_sizeOnly, writer) => {
        writer?.write(octets);
        return octets;
      },
    }),
    fromASN: () => {
      throw new TypeError('a part that is only written was to be read');
    },
  };
  return part as never;
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
