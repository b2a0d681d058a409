import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/authority/configuration.ts';
import { encodeCertificates, readTrustAnchors } from '../../src/authority/trust.ts';
import { namedByFlag, noNames, type ServiceFile } from '../../src/config/service-file.ts';
import { planService } from '../../src/deployment/plan.ts';
import { readServiceSettings, servicePaths } from '../../src/deployment/service.ts';
import {
  installService,
  requestService,
  type RequestEnrolment,
  type ServiceInstallation,
} from '../../src/deployment/service-request.ts';
import { type AskedSettings, mergeSettings } from '../../src/enrolment/settings.ts';
import { exitStatusOf, MtlsctlError } from '../../src/errors.ts';
import { checkRequest } from '../../src/issuance/request.ts';
import { localIssuers } from '../../src/issuers/local.ts';
import { readCertificates, type Certificate } from '../../src/x509/certificate.ts';
import { readPem } from '../../src/x509/pem.ts';
import { subjectAltName } from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import type { Request } from '../../src/x509/request.ts';
import { contentOf, day, makeAuthorities, noPassphrase, now } from '../authority/pki.ts';
import { killedAt, withEachFault } from '../faults.ts';
import { randomness } from '../issuance/authorities.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const authority = (): string => join(shared(), 'authority');
const node = (): string => join(temporary(), 'node');
const at = (...names: readonly string[]): string => join(node(), ...names);
const answer = (): string => join(temporary(), 'answer.pem');
const passphrase = new TextEncoder().encode('correct horse');
let anchors: readonly Certificate[] = [];

beforeAll(async () => {
  await makeAuthorities(authority());
  anchors = await readTrustAnchors(authority());
});

async function enrolment(
  asked: AskedSettings = {},
  changes: Partial<RequestEnrolment> = {},
): Promise<RequestEnrolment> {
  return {
    directory: node(),
    host: undefined,
    revocation: () => undefined,
    config: await readConfig(node()),
    force: false,
    passphrase: undefined,
    now: () => now,
    random: randomness(String(Math.random())),
    settings: (_service, stored) => Promise.resolve({ ...mergeSettings(stored, asked), profile: 'service' }),
    ...changes,
  };
}

const request = async (asked: AskedSettings = {}, changes: Partial<RequestEnrolment> = {}) =>
  requestService(await enrolment(asked, changes), 'one', anchors);

const install = async (changes: Partial<ServiceInstallation> = {}) =>
  installService({ ...(await installation()), ...changes }, 'one');

async function installation(): Promise<ServiceInstallation> {
  return { ...(await enrolment()), file: answer(), trustAnchors: anchors, passphrase: noPassphrase };
}

function waiting(): Request {
  const [block] = readPem(readFileSync(at('one/..request/csr.pem')));
  return checkRequest(block?.der ?? new Uint8Array());
}

const namesIn = (has: Parameters<typeof subjectAltName>[0]): readonly string[] =>
  (subjectAltName(has) ?? []).map(formatGeneralName);

/** Signs what waits, where the authority is. */
async function sign(asked: Partial<ServiceFile> = {}, service = 'one'): Promise<void> {
  const issuers = localIssuers({
    directory: authority(),
    passphrase: noPassphrase,
    random: randomness(String(Math.random())),
    canIssue: () => true,
    naming: namedByFlag,
  });
  const settings = { ...noNames, ...asked };
  const plan = planService(service, settings, await readConfig(authority()), await issuers.certificates('site-a'));
  const { subjectPublicKeyInfo: publicKey } = waiting();
  const { chain } = await issuers.issue('site-a', { ...plan, publicKey, now });
  writeFileSync(answer(), encodeCertificates(chain));
}

describe('requestService', () => {
  it('makes key and request and says in service.yaml what was asked', async () => {
    const result = await request({ dns: ['db.example'] });
    expect(result.status).toBe('requested');
    expect(readdirSync(at('one')).sort()).toEqual(['..request', 'service.yaml']);
    expect(readdirSync(at('one/..request')).sort()).toEqual(['csr.pem', 'key.pem']);
    expect(statSync(at('one/..request/key.pem')).mode & 0o777).toBe(0o600);
    expect(namesIn(waiting())).toContain('DNS:db.example');
    expect(await readServiceSettings(servicePaths(node(), 'one'))).toMatchObject({ dns: ['db.example'] });
  });

  it('is unchanged a second time', async () => {
    await request();
    const before = contentOf(node());
    expect((await request()).status).toBe('unchanged');
    expect(contentOf(node())).toEqual(before);
  });

  it('signs another request with the waiting key where other names are asked for', async () => {
    await request();
    const first = waiting();
    expect((await request({ dns: ['db.example'] })).status).toBe('requested');
    expect(waiting().subjectPublicKeyInfo.der).toEqual(first.subjectPublicKeyInfo.der);
    expect(namesIn(waiting())).toContain('DNS:db.example');
    expect(await readServiceSettings(servicePaths(node(), 'one'))).toMatchObject({ dns: ['db.example'] });
  });

  it('keeps a waiting key of another type', async () => {
    await request();
    const before = contentOf(node());
    await expect(request({ keyType: 'ed25519' })).rejects.toMatchObject({ code: 'already-exists' });
    expect(contentOf(node())).toEqual(before);
  });

  it('makes none where the certificate is as asked and not due, and one when it is due', async () => {
    await request();
    await sign();
    await install();
    expect((await request()).status).toBe('unchanged');
    expect(existsSync(at('one/..request'))).toBe(false);
    expect((await request({}, { now: () => now + 61 * day })).status).toBe('requested');
    const { certificate } = await install({ trustAnchors: anchors });
    expect(waiting().subjectPublicKeyInfo.der).not.toEqual(certificate.subjectPublicKeyInfo.der);
  });

  it.each(['ENOSPC', 'EIO'])('leaves nothing of a new service when any operation fails with %s', async code => {
    const prepare = async () => {
      rmSync(node(), { recursive: true, force: true });
      const asked = await enrolment();
      return () => requestService(asked, 'one', anchors);
    };
    let failures = 0;
    await withEachFault(code, prepare, ({ error, failed }) => {
      if (error === undefined) return;
      failures += 1;
      const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
      expect(error, where).toBeInstanceOf(MtlsctlError);
      expect(exitStatusOf(error), where).toBe(3);
      expect(existsSync(at('one')), where).toBe(false);
    });
    expect(failures).toBeGreaterThan(20);
  });

  it('is whole after a kill at any change and the same command again', async () => {
    const asked = await enrolment({ dns: ['db.example'] });
    for (let number = 0; ; number += 1) {
      rmSync(node(), { recursive: true, force: true });
      if (!(await killedAt(number, () => requestService(asked, 'one', anchors)))) break;
      await requestService(asked, 'one', anchors);
      expect(readdirSync(at('one/..request')).sort(), String(number)).toEqual(['csr.pem', 'key.pem']);
      expect(readFileSync(at('one/service.yaml'), 'utf8'), String(number)).toContain('db.example');
      const left = readdirSync(at('one')).filter(name => !name.endsWith('.tmp'));
      expect(left.sort(), String(number)).toEqual(['..request', 'service.yaml']);
    }
  });
});

describe('installService', () => {
  beforeEach(async () => {
    await request();
    await sign();
  });

  /** That nothing was changed by what is refused. */
  async function refused(code: string, changes: Partial<ServiceInstallation> = {}): Promise<void> {
    const before = contentOf(node());
    await expect(install(changes)).rejects.toMatchObject({ code });
    expect(contentOf(node())).toEqual(before);
  }

  it('puts the answer in force with the key that waited, and the request is gone', async () => {
    const key = readFileSync(at('one/..request/key.pem'));
    expect((await install()).status).toBe('installed');
    expect(readFileSync(at('one/key.pem')).equals(key)).toBe(true);
    expect(readCertificates(readFileSync(at('one/cert.pem')))).toHaveLength(2);
    expect(
      readdirSync(at('one'))
        .filter(name => !name.startsWith('..2'))
        .sort(),
    ).toEqual([...['..data', 'ca.pem', 'cert.pem', 'key.pem', 'service.yaml']]);
  });

  it('is unchanged a second time', async () => {
    await install();
    const before = contentOf(node());
    expect((await install()).status).toBe('unchanged');
    expect(contentOf(node())).toEqual(before);
  });

  it('puts other certificates above the one in force, for the same key, and leaves the next request alone', async () => {
    await install();
    const key = readFileSync(at('one/key.pem'));
    const right = readFileSync(at('one/cert.pem'), 'utf8');
    writeFileSync(at('one/..data/cert.pem'), right + right);
    expect((await request({}, { force: true })).status).toBe('requested');
    expect((await install()).status).toBe('installed');
    expect(readFileSync(at('one/cert.pem'), 'utf8')).toBe(right);
    expect(readFileSync(at('one/key.pem')).equals(key)).toBe(true);
    expect(existsSync(at('one/..request/key.pem'))).toBe(true);
    expect((await install()).status).toBe('unchanged');
  });

  it('refuses what relying parties would not take also for the certificate in force', async () => {
    await install();
    const [leaf] = readCertificates(readFileSync(answer()));
    writeFileSync(answer(), encodeCertificates(leaf === undefined ? [] : [leaf]));
    await refused('certificate-refused');
  });

  it('keeps the root out of cert.pem where the answer has it', async () => {
    writeFileSync(answer(), readFileSync(answer(), 'utf8') + encodeCertificates(anchors));
    await install();
    expect(readCertificates(readFileSync(at('one/cert.pem')))).toHaveLength(2);
  });

  it('refuses the answer to another request', async () => {
    rmSync(at('one'), { recursive: true });
    await request();
    await refused('key-mismatch');
  });

  it('refuses a chain to a root that is not trusted here, and one without its intermediate', async () => {
    await refused('certificate-refused', { trustAnchors: [] });
    const [leaf] = readCertificates(readFileSync(answer()));
    writeFileSync(answer(), encodeCertificates(leaf === undefined ? [] : [leaf]));
    await refused('certificate-refused');
  });

  it('refuses a certificate for another service, and one that lacks a name that was asked for', async () => {
    await sign({}, 'two');
    await refused('certificate-refused');
    rmSync(at('one'), { recursive: true });
    await request({ dns: ['db.example'] });
    await sign();
    await refused('certificate-refused');
  });

  it('refuses what has expired, a file that holds none, and where no request waits', async () => {
    await refused('certificate-refused', { now: () => now + 91 * day });
    await refused('not-found', { file: join(temporary(), 'none.pem') });
    writeFileSync(answer(), 'garbage\n');
    await refused('malformed');
    await sign();
    rmSync(at('one/..request'), { recursive: true });
    await refused('not-found');
  });

  describe('beside a key that is encrypted', () => {
    const known = () => Promise.resolve(passphrase);

    beforeEach(async () => {
      rmSync(at('one'), { recursive: true });
      await request({}, { passphrase });
      await sign();
    });

    it('asks for its passphrase, once', async () => {
      expect((await install({ passphrase: known })).status).toBe('installed');
      expect(readFileSync(at('one/key.pem'), 'utf8')).toContain('ENCRYPTED');
      expect((await install()).status).toBe('unchanged');
    });

    it('refuses where it is missing or wrong', async () => {
      const missing = new MtlsctlError('passphrase-missing', 'there is no terminal to ask for it');
      await refused('passphrase-missing', { passphrase: () => Promise.reject(missing) });
      await refused('passphrase-wrong', { passphrase: () => Promise.resolve(Buffer.from('wrong')) });
      expect((await install({ passphrase: known })).status).toBe('installed');
    });

    it('does not ask where the answer is refused anyway', async () => {
      await refused('certificate-refused', { trustAnchors: [] });
    });

    it('refuses a key that took the place of the one that waited', async () => {
      const waited = readFileSync(at('one/..request/key.pem'));
      await requestService(await enrolment({}, { passphrase }), 'two', anchors);
      cpSync(at('two/..request/key.pem'), at('one/..request/key.pem'));
      await refused('key-mismatch', { passphrase: known });
      writeFileSync(at('one/..request/key.pem'), waited);
      expect((await install({ passphrase: known })).status).toBe('installed');
    });
  });

  it('leaves what was there when any operation fails', async () => {
    cpSync(node(), join(temporary(), 'waiting'), { recursive: true });
    const before = contentOf(node());
    const prepare = async () => {
      rmSync(node(), { recursive: true });
      cpSync(join(temporary(), 'waiting'), node(), { recursive: true });
      const order = await installation();
      return () => installService(order, 'one');
    };
    let failures = 0;
    await withEachFault('ENOSPC', prepare, ({ error, failed }) => {
      if (error === undefined || existsSync(at('one/cert.pem'))) return;
      failures += 1;
      expect(contentOf(node()), failed?.path).toEqual(before);
    });
    expect(failures).toBeGreaterThan(30);
  });

  it('is whole after a kill at any change and the same command again, and no key serves twice', async () => {
    cpSync(node(), join(temporary(), 'waiting'), { recursive: true });
    const order = await installation();
    const statuses = new Set<string>();
    for (let number = 0; ; number += 1) {
      rmSync(node(), { recursive: true });
      cpSync(join(temporary(), 'waiting'), node(), { recursive: true });
      if (!(await killedAt(number, () => installService(order, 'one')))) break;
      statuses.add((await installService(order, 'one')).status);
      const names = readdirSync(at('one')).filter(name => !name.endsWith('.tmp') && !name.startsWith('..2'));
      expect(names.sort(), String(number)).toEqual(['..data', 'ca.pem', 'cert.pem', 'key.pem', 'service.yaml']);
    }
    expect([...statuses].sort()).toEqual(['installed', 'unchanged']);
  });

  it('leaves a newer request where an answer that is in force already is installed again', async () => {
    await install();
    await request({}, { force: true });
    const newer = waiting();
    expect((await install()).status).toBe('unchanged');
    expect(waiting().der).toEqual(newer.der);
  });
});
