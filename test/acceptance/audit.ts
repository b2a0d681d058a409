import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { authorityLock } from '../../src/authority/authority.ts';
import { auditAuthority } from '../../src/audit/run.ts';
import { Ledger, type LedgerEntry } from '../../src/authority/ledger.ts';
import { publicKeyOf, readPrivateKey } from '../../src/keys/private-key.ts';
import { verifyChain } from '../../src/path/verify.ts';
import { readCertificates, serialHex } from '../../src/x509/certificate.ts';
import { readCrls } from '../../src/x509/crl.ts';

/** What is wrong with a service's pair and chain; nothing where a relying party would take it. Gives its serial too. */
export async function checkService(
  directory: string,
  service: string,
  now: number,
): Promise<{ readonly serial: string; readonly problems: readonly string[] }> {
  const file = (...parts: readonly string[]): Uint8Array => readFileSync(join(directory, ...parts));
  const [leaf, ...intermediates] = readCertificates(file(service, 'cert.pem'));
  if (leaf === undefined) return { serial: '', problems: [`${service}: no certificate`] };
  const { valid, reasons } = verifyChain({
    leaf,
    trustAnchors: readCertificates(file('ca.pem')),
    intermediates,
    crls: readCrls(file('crl.pem')),
    requireCrl: true,
    at: now,
    purpose: 'mutual',
    names: [
      { kind: 'dns', value: `${service}.link.internal` },
      { kind: 'uri', value: `spiffe://link.internal/service/${service}` },
    ],
    profile: 'rfc5280',
    strict: true,
  });
  const key = publicKeyOf(await readPrivateKey(file(service, 'key.pem'), undefined)).der;
  const problems = [
    ...(valid ? [] : reasons.map(reason => `${service}: ${reason.code}`)),
    ...(Buffer.compare(key, leaf.subjectPublicKeyInfo.der) === 0 ? [] : [`${service}: its key is another`]),
    ...(Buffer.compare(file(service, 'ca.pem'), file('ca.pem')) === 0 ? [] : [`${service}: its ca.pem is another`]),
    ...((lstatSync(join(directory, service, '..data/key.pem')).mode & 0o777) === 0o600 ? [] : [`${service}: key mode`]),
  ];
  return { serial: serialHex(leaf.serialNumber), problems };
}

/** What openssl says against a service; undefined where it takes chain and key. */
export function opensslRefusal(directory: string, service: string): string | undefined {
  const at = (name: string): string => join(directory, service, name);
  const openssl = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    return status === 0 ? stdout : `${stdout}${stderr}`;
  };
  const ca = join(directory, 'ca.pem');
  const chain = openssl('verify', '-x509_strict', '-CAfile', ca, '-untrusted', at('cert.pem'), at('cert.pem'));
  if (chain !== `${at('cert.pem')}: OK\n`) return chain;
  const [inCertificate, inKey] = [
    openssl('x509', '-noout', '-pubkey', '-in', at('cert.pem')),
    openssl('pkey', '-pubout', '-in', at('key.pem')),
  ];
  return inCertificate === inKey ? undefined : `${service}: the keys differ`;
}

export interface LedgerAudit {
  /** Of all certificates issued, in order. */
  readonly serials: readonly string[];
  readonly entries: readonly LedgerEntry[];
  readonly problems: readonly string[];
}

/** What `mtlsctl audit` finds at an authority, warnings too, and its ledger. `now` is the clock that the directory was made by. */
export async function auditLedger(directory: string, authority: string, now: number): Promise<LedgerAudit> {
  const threads = (): Promise<undefined> => Promise.resolve(undefined);
  const audit = await auditAuthority({ directory, now, threads }, authority);
  const { entries } = await Ledger.open(audit.ledger, authorityLock(directory, authority)).read();
  const serials = entries.flatMap(entry => (entry.event === 'issued' ? [entry.serial] : []));
  return { serials, entries, problems: audit.findings.sorted().map(finding => JSON.stringify(finding)) };
}

/** Every path below a directory with what is there: names, kinds, inodes, times, content. The locks are left out. */
export function snapshot(directory: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (relative: string): void => {
    for (const name of readdirSync(join(directory, relative))) {
      if (name === '.locks') continue;
      const path = join(relative, name);
      const stat = lstatSync(join(directory, path));
      const content = stat.isFile() ? readFileSync(join(directory, path), 'base64') : '';
      const target = stat.isSymbolicLink() ? readlinkSync(join(directory, path)) : '';
      found.set(path, [stat.mode, stat.ino, stat.mtimeMs, stat.ctimeMs, target, content].join(' '));
      if (stat.isDirectory()) walk(path);
    }
  };
  walk('');
  return found;
}

/** The names in a service's directory that don't belong to one finished generation. */
export function leftovers(directory: string, service: string): readonly string[] {
  const names = readdirSync(join(directory, service));
  const current = readlinkSync(join(directory, service, '..data'));
  const expected = new Set(['..data', current, 'ca.pem', 'cert.pem', 'key.pem', 'service.yaml']);
  const inside = readdirSync(join(directory, service, current)).filter(
    name => !['ca.pem', 'cert.pem', 'key.pem'].includes(name),
  );
  return [...names.filter(name => !expected.has(name)), ...inside].map(name => join(service, name));
}
