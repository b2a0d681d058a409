import { readConfig } from '../authority/configuration.ts';
import { loadAuthority } from '../authority/authority.ts';
import { issuersOf, issueUnder, type OpenAuthority } from '../authority/issue.ts';
import { onlyIssuingAuthority, openAuthority } from '../authority/open-issuer.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { readTrustAnchors } from '../authority/trust.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Issuers } from './issuer.ts';

export interface LocalIssuersOptions {
  readonly directory: string;
  /** Asked at most once for each authority, and only when its encrypted key has to sign. */
  passphrase(authority: string): Promise<Uint8Array>;
  random(count: number): Uint8Array;
  /** Chooses where none is named and several could issue, which `ambiguity` says; without it that is thrown. */
  readonly chooseAuthority?: ((ambiguity: MtlsctlError) => Promise<string>) | undefined;
}

/**
 * The authorities of a PKI directory, each opened once, when it is first needed, and a failure to open one is kept: for one command, or one look of
 * a daemon, which makes them anew for the next.
 */
export function localIssuers(options: LocalIssuersOptions): Issuers {
  const { directory } = options;
  const config = once(() => readConfig(directory));
  const anchors = once(() => readTrustAnchors(directory));
  const views = perName<readonly Certificate[]>(async name =>
    issuersOf(await loadAuthority(directory, name), await anchors()),
  );
  const opened = perName<OpenAuthority>(name => openAuthority(directory, name, () => options.passphrase(name)));
  return {
    defaultAuthority: once(async () => (await config()).defaults.issuer ?? (await unnamedAuthority(options))),
    certificates: views,
    async issue(authority, order) {
      const crlUrls = (await config()).authorities[authority]?.crlUrls;
      return issueUnder(await opened(authority), { ...order, crlUrls, random: count => options.random(count) });
    },
  };
}

async function unnamedAuthority({ directory, chooseAuthority }: LocalIssuersOptions): Promise<string> {
  try {
    return (await onlyIssuingAuthority(directory)).name;
  } catch (error) {
    if (chooseAuthority === undefined || !isMtlsctlError(error, 'ambiguous-authority')) throw error;
    return chooseAuthority(error);
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function perName<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return name => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
