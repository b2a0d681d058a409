import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import type { KeyType } from './key-types.ts';

/** Who holds a key and signs with it: software here, a token elsewhere. */
export interface Signer {
  readonly keyType: KeyType;
  readonly publicKey: SubjectPublicKeyInfo;
  /** DER AlgorithmIdentifier, as it stands in what is signed. */
  readonly signatureAlgorithm: Uint8Array;
  /** Resolves to the signature's octets as X.509 has them: for ECDSA a DER ECDSA-Sig-Value (RFC 5480, appendix A). */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** A key that this process holds in memory. */
export interface SoftwareKey extends Signer {
  /**
   * DER PrivateKeyInfo (RFC 5208, section 5), for the key's file and nothing else. Not enumerable: neither JSON nor a
   * printed object shows it.
   */
  readonly pkcs8: Uint8Array;
}
