import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityPaths } from '../../src/authority/authority.ts';
import { readConfig } from '../../src/authority/configuration.ts';
import { type CreatedRoot, createRoot, planRoot, type RootOrder } from '../../src/authority/create-root.ts';
import { createIntermediate, type Intermediate, type IntermediateOrder } from '../../src/authority/intermediate.ts';
import { checkLedgerFile } from './hash-chain.ts';
import { Ledger, type LedgerEntry } from '../../src/authority/ledger.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { randomness } from '../issuance/authorities.ts';

export const now = Date.UTC(2026, 10, 22, 14, 5, 1);
export const day = 86_400_000;
export const noConstraints = {
  permitted: { dns: [], uri: [], ip: [], email: [] },
  excluded: { dns: [], uri: [], ip: [], email: [] },
} as const;

/** A key that is not encrypted asks for nothing. */
export const noPassphrase = (): Promise<never> =>
  Promise.reject(new Error('no passphrase was expected to be asked for'));

/** P-256, since nothing of these tests depends on it and it is the fastest. */
export function rootOrder(directory: string, changes: Partial<RootOrder> = {}): RootOrder {
  return {
    directory,
    name: 'root',
    trustDomain: undefined,
    subject: undefined,
    keyType: 'ec-p256',
    validity: undefined,
    pathLength: undefined,
    nameConstraints: noConstraints,
    crlValidity: undefined,
    now,
    random: randomness('root'),
    ...changes,
  };
}

export async function makeRoot(directory: string, changes: Partial<RootOrder> = {}): Promise<CreatedRoot> {
  return createRoot(await planRoot(rootOrder(directory, changes), await readConfig(directory)), undefined);
}

export async function intermediateOrder(
  directory: string,
  changes: Partial<IntermediateOrder> = {},
): Promise<IntermediateOrder> {
  return {
    directory,
    name: 'site-a',
    issuer: 'root',
    config: await readConfig(directory),
    subject: undefined,
    keyType: undefined,
    validity: undefined,
    pathLength: undefined,
    nameConstraints: noConstraints,
    crlUrls: [],
    now,
    random: randomness(changes.name ?? 'site-a'),
    ...changes,
  };
}

export async function makeIntermediate(
  directory: string,
  changes: Partial<IntermediateOrder> = {},
): Promise<Intermediate> {
  const order = await intermediateOrder(directory, changes);
  return createIntermediate(order, await openAuthority(directory, order.issuer, noPassphrase), undefined);
}

/** Root and `site-a`. */
export async function makeAuthorities(directory: string): Promise<void> {
  await makeRoot(directory);
  await makeIntermediate(directory);
}

export const pathsOf = (directory: string, name: string) => authorityPaths(join(directory, 'authorities', name));

export function ledgerOf(directory: string, name: string): Ledger {
  return Ledger.open(pathsOf(directory, name).ledger, join(directory, '.locks', `authority.${name}`));
}

/** The entries of a ledger whose chain of hashes holds. */
export async function ledgerEntries(directory: string, name: string): Promise<readonly LedgerEntry[]> {
  const { fault, torn } = checkLedgerFile(pathsOf(directory, name).ledger);
  if (fault !== undefined || torn !== undefined) throw new Error(`the ledger of ${name} is damaged`);
  return (await ledgerOf(directory, name).read()).entries;
}

/** Every file below a directory with a hash of its content, the locks left out: to be compared with what was there before. */
export function contentOf(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .map(entry => [join(entry.parentPath, entry.name), entry] as const)
      .filter(([path]) => !path.includes('/.locks'))
      .map(([path, entry]) => [path.slice(directory.length + 1), entry.isFile() ? sha256(readFileSync(path)) : '']),
  );
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
