import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { noNames } from '../../src/config/service-file.ts';
import { installGeneration } from '../../src/deployment/generation.ts';
import {
  noSettings,
  profileOf,
  readInstalled,
  readServiceSettings,
  servicePaths,
  writeServiceSettings,
} from '../../src/deployment/service.ts';
import { encodeCertificates } from '../../src/authority/trust.ts';
import { encodePrivateKeyPem, encryptPrivateKeyPem } from '../../src/keys/private-key.ts';
import { type Ca, config, intermediate, keyFor, leaf, now, randomness, root } from '../issuance/authorities.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const paths = () => servicePaths(directory(), 'one');

describe('servicePaths', () => {
  it('keeps everything but the lock in the directory of the service', () => {
    const { directory: own, lock, ...files } = servicePaths('/pki', 'one');
    expect(own).toBe('/pki/one');
    expect(Object.values(files).every(path => path.startsWith('/pki/one/'))).toBe(true);
    expect(lock).toMatch(/^\/pki\/\.locks\//);
  });

  it('has the same lock each time', () => {
    expect(servicePaths('/pki', 'one').lock).toBe(servicePaths('/pki', 'one').lock);
  });
});

describe('service.yaml', () => {
  it('says nothing where there is none', async () => {
    expect(await readServiceSettings(paths())).toBeUndefined();
  });

  it('reads back as it was written, and is not touched where it says the same', async () => {
    mkdirSync(paths().directory);
    const settings = { ...noNames, profile: 'client', dns: ['db.example'], hook: 'true', keyType: 'ed25519' } as const;
    await writeServiceSettings(paths(), settings);
    expect(await readServiceSettings(paths())).toEqual(settings);
    const { ino } = statSync(paths().settings);
    await writeServiceSettings(paths(), settings);
    expect(statSync(paths().settings).ino).toBe(ino);
  });

  it('is refused with its line where it has an unknown key', async () => {
    mkdirSync(paths().directory);
    writeFileSync(paths().settings, 'profile: service\nexpiry: 90d\n');
    await expect(readServiceSettings(paths())).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('2') as string,
    });
  });

  it('has the profile of mtlsctl.yaml where it names none', () => {
    const other = loadConfig('defaults:\n  profile: node\n', 'mtlsctl.yaml');
    expect(profileOf(noSettings, other)).toBe('node');
    expect(profileOf({ ...noSettings, profile: 'client' }, other)).toBe('client');
    expect(profileOf(noSettings, config)).toBe('service');
  });
});

describe('readInstalled', () => {
  let [site, top]: readonly (Ca | undefined)[] = [];

  beforeEach(async () => {
    top = await root();
    site = await intermediate(top);
    await install(encodePrivateKeyPem((await keyFor('user-svc')).pkcs8));
  });

  async function install(key: string): Promise<void> {
    if (site === undefined || top === undefined) throw new Error('no authority');
    const cert = encodeCertificates([await leaf(site), site.certificate]);
    const content = { cert, key, ca: encodeCertificates([top.certificate]) };
    await installGeneration(paths().directory, content, { now, random: randomness(key) });
  }

  it('reads the chain, the anchors and whether the key is the leaf’s', async () => {
    const installed = await readInstalled(paths());
    expect(installed).toMatchObject({ state: 'readable', keyMatches: true });
    if (installed.state !== 'readable') return;
    expect(installed.chain.map(each => each.der)).toEqual([installed.certificate.der, site?.certificate.der]);
    expect(installed.anchors.map(each => each.der)).toEqual([top?.certificate.der]);
  });

  it('lets certificates that are known stand for those of the same octets', async () => {
    const known = [site?.certificate, top?.certificate].filter(each => each !== undefined);
    const installed = await readInstalled(paths(), known);
    if (installed.state !== 'readable') throw new Error(installed.state);
    expect(installed.chain[1]).toBe(site?.certificate);
    expect(installed.anchors[0]).toBe(top?.certificate);
  });

  it('sees a key of another', async () => {
    await install(encodePrivateKeyPem((await keyFor('another')).pkcs8));
    expect(await readInstalled(paths())).toMatchObject({ state: 'readable', keyMatches: false });
  });

  it('takes an encrypted key for the right one', async () => {
    const { pkcs8 } = await keyFor('another');
    await install(await encryptPrivateKeyPem(pkcs8, Buffer.from('correct horse'), randomness('salt')));
    expect(await readInstalled(paths())).toMatchObject({ state: 'readable', keyMatches: true });
  });

  it.each<[string, () => void, string]>([
    [
      'there is nothing',
      () => {
        rmSync(paths().directory, { recursive: true });
      },
      'missing',
    ],
    [
      'its link is gone',
      () => {
        rmSync(join(paths().directory, '..data'));
      },
      'missing',
    ],
    [
      'its link leads elsewhere',
      () => {
        relink('../../etc');
      },
      'unreadable',
    ],
    [
      'the certificate is damaged',
      () => {
        writeFileSync(paths().certificate, 'garbage');
      },
      'unreadable',
    ],
    [
      'the certificate is empty',
      () => {
        writeFileSync(paths().certificate, '');
      },
      'unreadable',
    ],
    [
      'the key is damaged',
      () => {
        writeFileSync(paths().key, 'garbage');
      },
      'unreadable',
    ],
    [
      'ca.pem is damaged',
      () => {
        writeFileSync(paths().ca, 'garbage');
      },
      'unreadable',
    ],
    [
      'the certificate is cut off',
      () => {
        writeFileSync(paths().certificate, half());
      },
      'unreadable',
    ],
  ])('answers, and does not throw, where %s', async (_, damage, state) => {
    damage();
    expect(await readInstalled(paths())).toMatchObject({ state });
  });

  const half = (): Buffer => readFileSync(paths().certificate).subarray(0, 300);

  function relink(target: string): void {
    rmSync(join(paths().directory, '..data'));
    symlinkSync(target, join(paths().directory, '..data'));
  }
});
