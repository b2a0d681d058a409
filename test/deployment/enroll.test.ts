import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addTrustAnchor } from '../../src/authority/trust.ts';
import { readServiceSettings, servicePaths } from '../../src/deployment/service.ts';
import { type EnrolledService, enrollService } from '../../src/deployment/enroll.ts';
import type { AskedSettings } from '../../src/enrolment/settings.ts';
import type { Enrolment } from '../../src/deployment/enroll.ts';
import { exitStatusOf, MtlsctlError } from '../../src/errors.ts';
import { faults } from '../../src/file-operations.ts';
import { describePrivateKeyFile } from '../../src/keys/private-key.ts';
import { readCertificates, serialHex } from '../../src/x509/certificate.ts';
import { subjectAltName } from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import { formatName } from '../../src/x509/name.ts';
import { auditLedger, checkService, leftovers } from '../acceptance/audit.ts';
import {
  contentOf,
  day,
  ledgerEntries,
  makeAuthorities,
  makeIntermediate,
  noConstraints,
  now,
} from '../authority/pki.ts';
import { killedAt, systemError, withEachFault } from '../faults.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { enrolmentIn } from './leaves.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...names: readonly string[]): string => join(directory(), ...names);

beforeAll(() => makeAuthorities(join(shared(), 'pki')));
beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true });
});

const enroll = async (settings: AskedSettings = {}, changes: Partial<Enrolment> = {}): Promise<EnrolledService> =>
  enrollService(await enrolmentIn(directory(), settings, changes), 'one');

const later = (milliseconds: number): Partial<Enrolment> => ({ now: () => now + milliseconds });
const namesOf = ({ certificate }: EnrolledService): readonly string[] =>
  (subjectAltName(certificate) ?? []).map(formatGeneralName);
const settings = (): string => readFileSync(at('one/service.yaml'), 'utf8');
const generations = (): readonly string[] => readdirSync(at('one')).filter(name => /^\.\.2/.test(name));

describe('enrollService', () => {
  it('puts a pair in force that a relying party takes, with what was asked for beside it', async () => {
    const result = await enroll({ dns: ['db.example'], hook: 'true' });
    expect(result).toMatchObject({ status: 'issued', reasons: [{ code: 'missing' }], warnings: [] });
    expect(await checkService(directory(), 'one', now)).toEqual({
      serial: serialHex(result.certificate.serialNumber),
      problems: [],
    });
    expect(leftovers(directory(), 'one')).toEqual([]);
    expect(readCertificates(readFileSync(at('one/cert.pem'))).map(each => formatName(each.subject))).toEqual([
      'CN=one.link.internal',
      'CN=site-a CA,O=link.internal',
    ]);
    expect(await readServiceSettings(servicePaths(directory(), 'one'))).toMatchObject({
      profile: 'service',
      authority: 'site-a',
      dns: ['db.example'],
      hook: 'true',
    });
    expect(['', 'service.yaml'].map(name => statSync(at('one', name)).mode & 0o777)).toEqual([0o755, 0o644]);
  });

  it('touches nothing a second time', async () => {
    const first = await enroll();
    const before = { files: contentOf(directory()), time: statSync(at('one')).mtimeMs };
    const second = await enroll();
    expect(second.status).toBe('unchanged');
    expect(second.certificate.der).toEqual(first.certificate.der);
    expect({ files: contentOf(directory()), time: statSync(at('one')).mtimeMs }).toEqual(before);
  });

  it('keeps what was asked before where nothing else is asked', async () => {
    await enroll({ dns: ['db.example'] });
    expect((await enroll()).status).toBe('unchanged');
    expect(namesOf(await enroll({}, { force: true }))).toContain('DNS:db.example');
  });

  it.each<[string, AskedSettings, string]>([
    ['names', { dns: ['db.example'] }, 'names-changed'],
    ['key type', { keyType: 'ed25519' }, 'key-type-changed'],
    ['validity', { validity: 30 * day }, 'profile-changed'],
    ['profile', { profile: 'client' }, 'profile-changed'],
  ])('issues anew where another %s is asked for', async (_, asked, code) => {
    const first = await enroll();
    const second = await enroll(asked);
    expect(second.status).toBe('issued');
    expect(second.reasons.map(reason => reason.code)).toContain(code);
    expect(second.certificate.subjectPublicKeyInfo.der).not.toEqual(first.certificate.subjectPublicKeyInfo.der);
    expect((await enroll(asked)).status).toBe('unchanged');
    expect(generations()).toHaveLength(2);
  });

  it('records a hook without a new certificate', async () => {
    await enroll();
    expect((await enroll({ hook: 'systemctl reload one' })).status).toBe('unchanged');
    expect(settings()).toContain('systemctl reload one');
  });

  it('keeps the settings of each of two that ask for different things at once', async () => {
    await enroll();
    await Promise.all([enroll({ hook: 'true' }), enroll({ dns: ['db.example'] })]);
    expect(await readServiceSettings(servicePaths(directory(), 'one'))).toMatchObject({
      hook: 'true',
      dns: ['db.example'],
    });
  });

  it('issues under another authority where it is named', async () => {
    await enroll();
    await makeIntermediate(directory(), { name: 'site-b' });
    const { status, reasons, certificate } = await enroll({ authority: 'site-b' });
    expect([status, reasons]).toEqual(['issued', [{ code: 'issuer-changed' }]]);
    expect(formatName(certificate.issuer)).toBe('CN=site-b CA,O=link.internal');
  });

  it.each<[string, () => void, string]>([
    [
      'its key is another',
      () => {
        writeFileSync(at('one/key.pem'), readFileSync(at('authorities/root/key.pem')));
      },
      'pair-mismatch',
    ],
    [
      'its key is damaged',
      () => {
        writeFileSync(at('one/key.pem'), 'garbage');
      },
      'unreadable',
    ],
    [
      'its certificate is damaged',
      () => {
        writeFileSync(at('one/cert.pem'), 'garbage');
      },
      'unreadable',
    ],
    [
      'its key is gone',
      () => {
        rmSync(at('one', readlinkSync(at('one/..data')), 'key.pem'));
      },
      'missing',
    ],
    [
      'the intermediate is not in its file',
      () => {
        writeFileSync(at('one/cert.pem'), leafAlone());
      },
      'unreadable',
    ],
  ])('issues anew where %s', async (_, damage, code) => {
    await enroll();
    damage();
    const second = await enroll();
    expect(second.reasons).toMatchObject([{ code }]);
    expect((await checkService(directory(), 'one', now)).problems).toEqual([]);
    expect((await enroll()).status).toBe('unchanged');
  });

  const leafAlone = (): string =>
    `${readFileSync(at('one/cert.pem'), 'utf8').split('-----END CERTIFICATE-----\n')[0] ?? ''}-----END CERTIFICATE-----\n`;

  it.each([
    ['when two thirds of its life have passed', 60 * day, 'renewal-time-reached'],
    ['after it has expired', 91 * day, 'expired'],
  ])('issues anew %s', async (_, passed, code) => {
    await enroll();
    expect((await enroll({}, later(59 * day))).status).toBe('unchanged');
    expect((await enroll({}, later(passed))).reasons).toMatchObject([{ code }]);
  });

  it('issues once where it is asked for many times at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => enroll()));
    expect(results.map(({ status }) => status).sort()).toEqual(['issued', ...Array<string>(7).fill('unchanged')]);
    expect((await auditLedger(directory(), 'site-a', now)).serials).toHaveLength(1);
  });

  it('encrypts the key where a passphrase is given, and takes it for the right one later', async () => {
    const passphrase = new TextEncoder().encode('correct horse');
    await enroll({}, { passphrase });
    expect(describePrivateKeyFile(readFileSync(at('one/key.pem'))).encrypted).toBe(true);
    expect((await enroll({}, { passphrase })).status).toBe('unchanged');
  });

  it('says which names the constraints of the authority left out', async () => {
    const permitted = { ...noConstraints.permitted, dns: ['link.internal'] };
    await makeIntermediate(directory(), { name: 'site-b', nameConstraints: { ...noConstraints, permitted } });
    const { warnings } = await enroll({ authority: 'site-b' });
    expect(warnings).toEqual([expect.stringContaining('one, one.link.local')]);
  });

  it('says which short name can be no DNS name', async () => {
    const { warnings } = await enrollService(await enrolmentIn(directory()), '1');
    expect(warnings).toEqual(["left out, since they can't be DNS names: 1"]);
  });

  it.each(['create', 'space'] as const)('signs for nothing where a file has no place: %s', async failing => {
    const before = await ledgerEntries(directory(), 'site-a');
    faults.before = operation => {
      if (operation === failing) throw systemError(failing === 'space' ? 'ENOSPC' : 'EACCES');
    };
    try {
      await expect(enroll()).rejects.toMatchObject({ code: 'unwritable' });
    } finally {
      faults.before = undefined;
    }
    expect(await ledgerEntries(directory(), 'site-a')).toEqual(before);
  });

  it.each(['cert.pem', 'key.pem', 'ca.pem'])('puts a missing %s back without a new certificate', async name => {
    const first = await enroll();
    const before = contentOf(directory());
    rmSync(at('one', name));
    const second = await enroll();
    expect(second).toMatchObject({ status: 'unchanged', warnings: [`put back what was missing: ${name}`] });
    expect(second.certificate.der).toEqual(first.certificate.der);
    expect(contentOf(directory())).toEqual(before);
    expect(readlinkSync(at('one', name))).toBe(`..data/${name}`);
  });

  it.each<[string, () => void, string]>([
    [
      'a public path is a file',
      () => {
        copyFileSync(at('one/key.pem'), at('copy'));
        rmSync(at('one/key.pem'));
        renameSync(at('copy'), at('one/key.pem'));
      },
      'already-exists',
    ],
    [
      'a public path leads elsewhere',
      () => {
        rmSync(at('one/cert.pem'));
        symlinkSync('/dev/null', at('one/cert.pem'));
      },
      'already-exists',
    ],
    [
      '..data is a directory',
      () => {
        rmSync(at('one/..data'));
        mkdirSync(at('one/..data'));
      },
      'malformed',
    ],
  ])('refuses a service of which %s, due or not, and signs nothing', async (_, damage, code) => {
    await enroll();
    damage();
    const before = contentOf(directory());
    await expect(enroll()).rejects.toMatchObject({ code });
    await expect(enroll({}, { force: true })).rejects.toMatchObject({ code });
    expect(contentOf(directory())).toEqual(before);
  });

  it('keeps a key that its group may read so when it is renewed, and lets nobody else read it', async () => {
    await enroll();
    const key = () => statSync(at('one/key.pem'));
    expect(key().mode & 0o777).toBe(0o600);
    chmodSync(at('one/key.pem'), 0o640);
    await enroll({}, { force: true });
    expect(key().mode & 0o777).toBe(0o640);
    chmodSync(at('one/key.pem'), 0o644);
    expect(await enroll()).toMatchObject({
      status: 'unchanged',
      warnings: [expect.stringContaining('mode 0644') as string],
    });
    await enroll({}, { force: true });
    expect(key().mode & 0o777).toBe(0o640);
    expect((await enroll()).warnings).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('keeps the group of a key, and survives that it is refused', async () => {
    await enroll();
    const key = () => statSync(at('one/key.pem'));
    chownSync(at('one/key.pem'), 0, 1234);
    chmodSync(at('one/key.pem'), 0o640);
    await enroll({}, { force: true });
    expect([key().gid, key().mode & 0o777]).toEqual([1234, 0o640]);
    faults.before = operation => {
      if (operation === 'chown') throw systemError('EPERM');
    };
    try {
      expect((await enroll({}, { force: true })).status).toBe('issued');
    } finally {
      faults.before = undefined;
    }
    expect(key().mode & 0o777).toBe(0o600);
  });

  it.each([
    ['profile', 'profile: nope\n'],
    ['profile', 'profile: root\n'],
    ['authority', 'authority: nowhere\n'],
  ])('names service.yaml where the %s in it can not be had (%j)', async (key, text) => {
    await enroll();
    writeFileSync(at('one/service.yaml'), text);
    await expect(enroll()).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(`${at('one/service.yaml')}: ${key}: `) as string,
      details: { file: at('one/service.yaml'), key },
    });
    expect((await enroll({ profile: 'service', authority: 'site-a' })).status).toBe('unchanged');
  });

  it('puts changed trust anchors beside the same pair', async () => {
    const first = await enroll();
    await makeAuthorities(at('other'));
    const [other] = readCertificates(readFileSync(at('other/ca.pem')));
    if (other === undefined) throw new Error('no other root');
    await addTrustAnchor(directory(), other);
    const [ledger, key] = [at('authorities/site-a/ledger.jsonl'), at('one/key.pem')].map(path => readFileSync(path));
    const second = await enroll();
    expect(second).toMatchObject({ status: 'unchanged', reasons: [{ code: 'anchors-changed' }] });
    expect(second.certificate.der).toEqual(first.certificate.der);
    expect(readFileSync(at('one/ca.pem'))).toEqual(readFileSync(at('ca.pem')));
    expect([readFileSync(at('authorities/site-a/ledger.jsonl')), readFileSync(at('one/key.pem'))]).toEqual([
      ledger,
      key,
    ]);
    expect(generations()).toHaveLength(2);
    expect(await enroll()).toMatchObject({ status: 'unchanged', reasons: [] });
    expect(generations()).toHaveLength(2);
  });

  it('leaves files that it did not make, and nothing else', async () => {
    mkdirSync(at('one'));
    writeFileSync(at('one/cert.pem'), 'mine');
    await expect(enroll()).rejects.toMatchObject({ code: 'already-exists' });
    expect(readdirSync(at('one'))).toEqual(['cert.pem']);
  });

  it.each(['ENOSPC', 'EIO', 'EACCES'])(
    'leaves nothing of a new service when any operation fails with %s',
    async code => {
      const others = exceptLedger(contentOf(directory()));
      const prepare = async () => {
        rmSync(at('one'), { recursive: true, force: true });
        const enrolment = await enrolmentIn(directory());
        return () => enrollService(enrolment, 'one');
      };
      let failures = 0;
      await withEachFault(code, prepare, ({ error, failed }) => {
        if (error === undefined) return;
        const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
        if (isInForce()) {
          // After the swap there is no way back, only the news that it may not be durable.
          expect(failed?.operation, where).toMatch(/^(sync|open)$/);
          return;
        }
        failures += 1;
        expect(error, where).toBeInstanceOf(MtlsctlError);
        expect(exitStatusOf(error), where).toBe(3);
        expect(existsSync(at('one')), where).toBe(false);
        expect(exceptLedger(contentOf(directory())), where).toEqual(others);
      });
      expect(failures).toBeGreaterThan(30);
      expect((await auditLedger(directory(), 'site-a', now)).problems).toEqual([]);
    },
  );

  it('has the old pair and its settings when any operation fails, or the new ones', async () => {
    await enroll({ dns: ['old.example'] });
    cpSync(at('one'), join(temporary(), 'old'), { recursive: true, verbatimSymlinks: true });
    const old = { certificate: readFileSync(at('one/cert.pem')), settings: settings() };
    const prepare = async () => {
      rmSync(at('one'), { recursive: true });
      cpSync(join(temporary(), 'old'), at('one'), { recursive: true, verbatimSymlinks: true });
      const enrolment = await enrolmentIn(directory(), { dns: ['new.example'] });
      return () => enrollService(enrolment, 'one');
    };
    let kept = 0;
    await withEachFault('ENOSPC', prepare, async ({ error, failed }) => {
      const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
      const isOld = readFileSync(at('one/cert.pem')).equals(old.certificate);
      expect(settings() === old.settings, where).toBe(isOld);
      expect((await checkService(directory(), 'one', now)).problems, where).toEqual([]);
      if (error === undefined) return;
      if (!isOld) return;
      kept += 1;
      expect(generations(), where).toHaveLength(1);
      expect(leftovers(directory(), 'one'), where).toEqual([]);
    });
    expect(kept).toBeGreaterThan(30);
  });

  it('is whole after a kill at any change and the same command again', async () => {
    const enrolment = await enrolmentIn(directory(), { dns: ['db.example'] });
    const statuses = new Set<string>();
    for (let number = 0; ; number += 1) {
      rmSync(at('one'), { recursive: true, force: true });
      if (!(await killedAt(number, () => enrollService(enrolment, 'one')))) break;
      statuses.add((await enrollService(enrolment, 'one')).status);
      expect((await checkService(directory(), 'one', now)).problems, String(number)).toEqual([]);
      expect(settings(), String(number)).toContain('db.example');
      const left = leftovers(directory(), 'one').filter(name => !name.endsWith('.tmp'));
      expect(left, String(number)).toEqual([]);
    }
    expect([...statuses].sort()).toEqual(['issued', 'unchanged']);
    expect((await auditLedger(directory(), 'site-a', now)).problems).toEqual([]);
  });

  function isInForce(): boolean {
    return existsSync(at('one/cert.pem'));
  }

  function exceptLedger(content: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { 'authorities/site-a/ledger.jsonl': _, ...rest } = content;
    return rest;
  }
});
