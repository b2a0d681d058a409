import { readConfig } from '../authority/configuration.ts';
import { type Authority, loadAuthority } from '../authority/authority.ts';
import { issuersOf, issueUnder, type OpenAuthority } from '../authority/issue.ts';
import { onlyIssuingAuthority, openAuthority } from '../authority/open-issuer.ts';
import { readTrustAnchors } from '../authority/trust.ts';
import type { Config } from '../config.ts';
import type { AuthorityNaming } from '../config/service-file.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Issuers } from './issuer.ts';

export interface LocalIssuersOptions {
  readonly directory: string;
  /** Asked at most once for each authority, and only when its encrypted key has to sign. */
  passphrase(authority: string): Promise<Uint8Array>;
  random(count: number): Uint8Array;
  /** Whether anybody would accept what is issued by an authority, of which this is the certificate and those above it. */
  canIssue(chain: readonly Certificate[]): boolean;
  readonly naming: AuthorityNaming;
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
  const views = perName<readonly Certificate[]>(async name => {
    const authority = await namedIn(options, config, name, () => loadAuthority(directory, name));
    return issuersOf(authority, await anchors());
  });
  const opened = perName<OpenAuthority>(name => openAuthority(directory, name, () => options.passphrase(name)));
  return {
    defaultAuthority: once(
      async () => (await config()).defaults.issuer ?? (await unnamedAuthority(options, await anchors())),
    ),
    certificates: views,
    async issue(authority, order) {
      const crlUrls = (await config()).authorities[authority]?.crlUrls;
      return issueUnder(await opened(authority), { ...order, crlUrls, random: count => options.random(count) });
    },
  };
}

async function unnamedAuthority(options: LocalIssuersOptions, anchors: readonly Certificate[]): Promise<string> {
  const { directory, naming, chooseAuthority } = options;
  try {
    const canIssue = (each: Authority): boolean => options.canIssue(issuersOf(each, anchors));
    return (await onlyIssuingAuthority(directory, canIssue, naming)).name;
  } catch (error) {
    if (chooseAuthority === undefined || !isMtlsctlError(error, 'ambiguous-authority')) throw error;
    return chooseAuthority(error);
  }
}

/** Nobody who gave no --issuer knows where the name of the authority comes from. */
async function namedIn<T>(
  { naming }: LocalIssuersOptions,
  config: () => Promise<Config>,
  name: string,
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!isMtlsctlError(error, 'authority-missing')) throw error;
    const { defaults, source } = await config();
    if (defaults.issuer !== name) throw error;
    throw new MtlsctlError(error.code, `${error.message}; it is defaults.issuer in ${source}`, {
      hints: [...error.hints, `correct defaults.issuer in ${source}, or ${naming('<name>')}`],
      details: { ...error.details, file: source, key: 'defaults.issuer' },
      cause: error,
    });
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
