/** A key of @peculiar/webcrypto. Not Node's CryptoKey: KeyObject.from() and Node's own subtle reject it. */
export interface WebKey {
  readonly type: 'private' | 'public' | 'secret';
  readonly algorithm: { readonly name: string };
  readonly extractable: boolean;
  readonly usages: readonly string[];
}

/** The part of Web Crypto that is used here, typed without the DOM's library. */
export interface WebSubtle {
  generateKey(
    algorithm: object,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<{ readonly privateKey: WebKey; readonly publicKey: WebKey }>;
  importKey(
    format: 'pkcs8' | 'spki',
    data: Uint8Array,
    algorithm: object,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<WebKey>;
  exportKey(format: 'pkcs8' | 'spki', key: WebKey): Promise<ArrayBuffer>;
  digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
  sign(algorithm: object, key: WebKey, data: Uint8Array): Promise<ArrayBuffer>;
  verify(algorithm: object, key: WebKey, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
}

export interface WebCrypto {
  readonly subtle: WebSubtle;
}

let loaded: Promise<WebCrypto> | undefined;

/** Loads @peculiar/webcrypto at its first use: about 40 ms that only a command which makes something should pay. */
export function loadWebCrypto(): Promise<WebCrypto> {
  loaded ??= import('@peculiar/webcrypto').then(({ Crypto }) => new Crypto() as unknown as WebCrypto);
  return loaded;
}
