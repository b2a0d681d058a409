import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadAuthority, openAuthorityKey } from '../../src/authority/authority.ts';
import { readConfig } from '../../src/authority/configuration.ts';
import { completeInterruptedRoot, createRoot, planRoot, type RootOrder } from '../../src/authority/create-root.ts';
import { readPublishedCrls, readTrustAnchors } from '../../src/authority/trust.ts';
import { exitStatusOf, MtlsctlError } from '../../src/errors.ts';
import { faults } from '../../src/file-operations.ts';
import { describePrivateKeyFile } from '../../src/keys/private-key.ts';
import { basicConstraints, crlNumber } from '../../src/x509/extensions.ts';
import { formatName } from '../../src/x509/name.ts';
import { killedAt, withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';
import { contentOf, day, ledgerEntries, makeRoot, noPassphrase, now, pathsOf, rootOrder } from './pki.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const mode = (path: string): number => statSync(path).mode & 0o777;

/** What has been made of a root that is whole. */
const whole = ['authorities', 'ca.pem', 'crl.pem', 'mtlsctl.yaml'];
const rootFiles = ['cert.pem', 'crl.der', 'crl.pem', 'key.pem', 'ledger.jsonl'];

function present(): readonly string[] {
  if (!existsSync(directory())) return [];
  return readdirSync(directory())
    .filter(name => name !== '.locks')
    .sort();
}

describe('planRoot', () => {
  const plan = async (changes = {}) => planRoot(rootOrder(directory(), changes), await readConfig(directory()));

  it('decides by the profile what is not asked for, and makes nothing', async () => {
    const planned = await plan({ keyType: undefined });
    expect(planned).toMatchObject({
      trustDomain: 'link.internal',
      keyType: 'ec-p384',
      validity: 3650 * day,
      pathLength: 1,
      crlValidity: 180 * day,
    });
    expect(existsSync(directory())).toBe(false);
  });

  it('names exactly the files that are made then, each in its turn', async () => {
    const { files } = await plan();
    const times: string[] = [];
    faults.before = (operation, path) => {
      if (operation === 'rename' && !path.includes('.new')) times.push(path);
    };
    try {
      await makeRoot(directory());
    } finally {
      faults.before = undefined;
    }
    expect(files.filter(file => !existsSync(file))).toEqual([]);
    expect(files.map(file => file.slice(directory().length + 1)).sort()).toEqual(
      [...rootFiles.map(name => `authorities/root/${name}`), 'ca.pem', 'crl.pem', 'mtlsctl.yaml'].sort(),
    );
    const [config, , , , , , crl, anchor] = files;
    expect(times).toEqual([config, pathsOf(directory(), 'root').directory, crl, anchor]);
  });

  it('leaves mtlsctl.yaml out where there is one, and takes its trust domain', async () => {
    mkdirSync(directory());
    writeFileSync(join(directory(), 'mtlsctl.yaml'), 'trustDomain: given.example\n');
    const planned = await plan();
    expect(planned.trustDomain).toBe('given.example');
    expect(planned.files.some(file => file.endsWith('mtlsctl.yaml'))).toBe(false);
  });

  it('refuses a trust domain that contradicts mtlsctl.yaml', async () => {
    mkdirSync(directory());
    writeFileSync(join(directory(), 'mtlsctl.yaml'), 'trustDomain: given.example\n');
    await expect(plan({ trustDomain: 'other.example' })).rejects.toMatchObject({ code: 'usage' });
  });

  it('refuses a second root, of the same name or another', async () => {
    await makeRoot(directory());
    await expect(plan()).rejects.toMatchObject({ code: 'already-exists' });
    await expect(plan({ name: 'second' })).rejects.toMatchObject({ code: 'already-exists' });
  });
});

describe('createRoot', () => {
  it('makes a root that is trusted, with an empty CRL and a ledger that begins with it', async () => {
    const { certificate, crl } = await makeRoot(directory());
    expect(present()).toEqual(whole);
    expect(readdirSync(pathsOf(directory(), 'root').directory).sort()).toEqual(rootFiles);
    expect(formatName(certificate.subject)).toBe('CN=root CA,O=link.internal');
    expect(basicConstraints(certificate)).toEqual({ ca: true, pathLenConstraint: 1 });
    expect((await readTrustAnchors(directory())).map(anchor => anchor.der)).toEqual([certificate.der]);
    const [published] = await readPublishedCrls(directory());
    expect(published).toMatchObject({ revokedCount: 0, thisUpdate: now, nextUpdate: now + 180 * day });
    expect(crl.number).toBe(1);
    const entries = await ledgerEntries(directory(), 'root');
    expect(entries.map(entry => entry.event)).toEqual(['authority-created', 'crl-published']);
    expect(entries[0]).toMatchObject({ certificate: Buffer.from(certificate.der).toString('base64') });
  });

  it('keeps the key to its owner and shows the rest to all', async () => {
    await makeRoot(directory());
    const paths = pathsOf(directory(), 'root');
    expect([paths.key, paths.ledger].map(mode)).toEqual([0o600, 0o600]);
    expect([paths.certificate, paths.crlPem, join(directory(), 'ca.pem')].map(mode)).toEqual([0o644, 0o644, 0o644]);
  });

  it('encrypts the key where a passphrase is given', async () => {
    const passphrase = new TextEncoder().encode('correct horse');
    const plan = await planRoot(rootOrder(directory()), await readConfig(directory()));
    await createRoot(plan, passphrase);
    const authority = await loadAuthority(directory(), 'root');
    expect(describePrivateKeyFile(readFileSync(authority.paths.key))).toMatchObject({ encrypted: true });
    await expect(openAuthorityKey(authority, () => Promise.resolve(passphrase))).resolves.toBeDefined();
    await expect(openAuthorityKey(authority, () => Promise.resolve(Buffer.from('wrong')))).rejects.toMatchObject({
      code: 'passphrase-wrong',
    });
  });

  it('writes what only the command line said into mtlsctl.yaml', async () => {
    await makeRoot(directory(), { trustDomain: 'prod.example', crlValidity: 30 * day });
    const config = await readConfig(directory());
    expect(config).toMatchObject({ trustDomain: 'prod.example', crl: { rootValidity: 30 * day } });
  });

  it('makes one root where two are asked for at once', async () => {
    const plans = await Promise.all(
      ['root', 'second'].map(async name => planRoot(rootOrder(directory(), { name }), await readConfig(directory()))),
    );
    const outcomes = await Promise.allSettled(plans.map(plan => createRoot(plan, undefined)));
    expect(outcomes.map(outcome => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(outcome => outcome.status === 'rejected')).toMatchObject({
      reason: { code: 'already-exists' },
    });
    expect(readdirSync(join(directory(), 'authorities'))).toHaveLength(1);
    expect(await readTrustAnchors(directory())).toHaveLength(1);
  });

  it.each(['ENOSPC', 'EIO', 'EROFS'])('leaves no part of a root when any operation fails with %s', async code => {
    const prepare = () => {
      rmSync(directory(), { recursive: true, force: true });
      return Promise.resolve(() => makeRoot(directory()));
    };
    let failures = 0;
    await withEachFault(code, prepare, ({ error, failed }) => {
      const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
      if (error === undefined) {
        expect(present(), where).toEqual(whole);
        return;
      }
      failures += 1;
      expect(error, where).toBeInstanceOf(MtlsctlError);
      expect(exitStatusOf(error), where).toBe(3);
      expect(
        present().filter(name => name !== 'authorities'),
        where,
      ).toEqual([]);
      const authorities = join(directory(), 'authorities');
      expect(existsSync(authorities) ? readdirSync(authorities) : [], where).toEqual([]);
    });
    expect(failures).toBeGreaterThan(30);
  });

  it('leaves no directory of a new PKI when any operation fails', async () => {
    const plan = await planRoot(rootOrder(directory()), await readConfig(directory()));
    const prepare = () => {
      rmSync(directory(), { recursive: true, force: true });
      return Promise.resolve(() => createRoot(plan, undefined));
    };
    await withEachFault('EFBIG', prepare, ({ error, failed }) => {
      if (error === undefined || failed?.operation === 'rmdir') return;
      const left = existsSync(directory()) ? readdirSync(directory(), { recursive: true }) : [];
      // A file of a lock that can't be removed stays, and is passed over by who comes next.
      if (failed?.operation === 'remove') return;
      expect(left, `${failed?.operation ?? ''} ${failed?.path ?? ''}`).toEqual([]);
      expect(existsSync(directory())).toBe(false);
    });
  });

  it('gives back what mtlsctl.yaml said when a step fails', async () => {
    mkdirSync(directory());
    writeFileSync(join(directory(), 'mtlsctl.yaml'), '# ours\ntrustDomain: given.example\n');
    const before = contentOf(directory());
    await withEachFault(
      'ENOSPC',
      () => Promise.resolve(() => makeRoot(directory())),
      ({ error }) => {
        if (error === undefined) return;
        const { authorities: _, ...rest } = contentOf(directory());
        expect(rest).toEqual(before);
      },
    );
    expect(present()).toEqual(whole);
  });
});

describe('completeInterruptedRoot', () => {
  const killed = (number: number, order: object): Promise<boolean> => {
    rmSync(directory(), { recursive: true, force: true });
    return killedAt(number, () => makeRoot(directory(), order));
  };

  it('finishes what was interrupted at any operation, or there is nothing and the root is made anew', async () => {
    const order = { trustDomain: 'prod.example', crlValidity: 30 * day };
    const seen = new Set<string>();
    for (let number = 0; await killed(number, order); number += 1) {
      const completed = await completeInterruptedRoot(rootOrder(directory()));
      seen.add(completed === undefined ? 'nothing' : 'completed');
      if (completed === undefined && !existsSync(join(directory(), 'ca.pem'))) await makeRoot(directory(), order);
      // This process lives on, so its own temporary files are not taken for abandoned.
      expect(
        present().filter(name => !name.endsWith('.tmp')),
        String(number),
      ).toEqual(whole);
      expect(readdirSync(join(directory(), 'authorities')), String(number)).toEqual(['root']);
      expect(readdirSync(pathsOf(directory(), 'root').directory).sort()).toEqual(rootFiles);
      const { certificate } = await loadAuthority(directory(), 'root');
      expect((await readTrustAnchors(directory())).map(anchor => anchor.der)).toEqual([certificate.der]);
      expect((await readPublishedCrls(directory())).map(crl => crlNumber(crl))).toEqual([1n]);
      expect(await readConfig(directory())).toMatchObject({
        trustDomain: 'prod.example',
        crl: { rootValidity: 30 * day },
      });
      await openAuthorityKey(await loadAuthority(directory(), 'root'), noPassphrase);
    }
    expect([...seen].sort()).toEqual(['completed', 'nothing']);
  });

  it('writes mtlsctl.yaml anew where it was lost too, as it is asked for', async () => {
    const order = { trustDomain: 'prod.example', crlValidity: 30 * day };
    await makeRoot(directory(), order);
    const before = contentOf(directory());
    for (const name of ['ca.pem', 'crl.pem', 'mtlsctl.yaml']) rmSync(join(directory(), name));
    expect(await completeInterruptedRoot(rootOrder(directory(), order))).toBeDefined();
    expect(contentOf(directory())).toEqual(before);
  });

  it.each<[string, Partial<RootOrder>, string]>([
    ['key type', { keyType: 'ed25519' }, 'already-exists'],
    ['trust domain', { trustDomain: 'other.example' }, 'usage'],
  ])('does not pass another %s off as finished', async (_, changes, code) => {
    await makeRoot(directory(), { trustDomain: 'prod.example' });
    rmSync(join(directory(), 'ca.pem'));
    const before = contentOf(directory());
    await expect(completeInterruptedRoot(rootOrder(directory(), changes))).rejects.toMatchObject({ code });
    expect(contentOf(directory())).toEqual(before);
  });

  it('does nothing where there is nothing to finish', async () => {
    expect(await completeInterruptedRoot(rootOrder(directory()))).toBeUndefined();
    await makeRoot(directory());
    const before = contentOf(directory());
    expect(await completeInterruptedRoot(rootOrder(directory()))).toBeUndefined();
    expect(await completeInterruptedRoot(rootOrder(directory(), { name: 'other' }))).toBeUndefined();
    expect(contentOf(directory())).toEqual(before);
  });
});
