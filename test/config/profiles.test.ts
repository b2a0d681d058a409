import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config.ts';
import { loadProfile, profileNames } from '../../src/config/profiles.ts';
import { oids } from '../../src/der/object-identifiers.ts';
import { keyUsageFor } from '../../src/issuance/profile.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import { configFailure } from './failure.ts';

const day = 86_400_000;
const bundled = loadConfig(undefined);
const load = (name: string, text: string) => loadProfile(name, parseConfig(text, 'mtlsctl.yaml'));

describe('the profiles that come with mtlsctl', () => {
  it.each([
    [
      'root',
      {
        kind: 'root',
        keyType: 'ec-p384',
        validity: 3650 * day,
        pathLength: 1,
        keyUsage: KeyUsage.keyCertSign | KeyUsage.cRLSign,
      },
    ],
    ['intermediate', { kind: 'intermediate', keyType: 'ec-p256', validity: 3 * 365 * day, pathLength: 0 }],
    [
      'service',
      {
        kind: 'leaf',
        validity: 90 * day,
        renewAt: 2 / 3,
        backdate: 60_000,
        extendedKeyUsage: [oids.serverAuth, oids.clientAuth],
      },
    ],
    ['server', { extendedKeyUsage: [oids.serverAuth], uri: [] }],
    ['client', { extendedKeyUsage: [oids.clientAuth], uri: [], aliases: [] }],
    ['node', { uri: ['spiffe://{trust-domain}/node/{service}'] }],
  ])('%s', (name, fields) => {
    expect(loadProfile(name, bundled)).toMatchObject({ name, ...fields });
  });

  it('are six', () => {
    expect(profileNames(bundled)).toEqual(['root', 'intermediate', 'service', 'server', 'client', 'node']);
  });

  it('have keyEncipherment for RSA leaves alone', () => {
    const service = loadProfile('service', bundled);
    expect(keyUsageFor(service, true)).toBe(KeyUsage.digitalSignature | KeyUsage.keyEncipherment);
    expect(keyUsageFor(service, false)).toBe(KeyUsage.digitalSignature);
    expect(keyUsageFor(loadProfile('root', bundled), true) & KeyUsage.keyEncipherment).toBe(0);
  });
});

describe('overrides', () => {
  it('change a field and leave the rest', () => {
    const service = load('service', 'profiles:\n  service:\n    validity: 30d\n    renewAt: .5\n');
    expect(service).toMatchObject({ validity: 30 * day, renewAt: 0.5, keyType: 'ec-p256' });
  });

  it('come after the defaults for leaves, which leave CAs alone', () => {
    const text = 'defaults: {validity: 7d, keyType: ed25519}\nprofiles: {client: {validity: 1d}}\n';
    expect(load('service', text)).toMatchObject({ validity: 7 * day, keyType: 'ed25519' });
    expect(load('client', text)).toMatchObject({ validity: day, keyType: 'ed25519' });
    expect(load('root', text)).toMatchObject({ validity: 3650 * day, keyType: 'ec-p384' });
  });

  it('make a new profile that extends another', () => {
    const text = 'profiles:\n  short: {extends: service, validity: 1d}\n  shorter: {extends: short, validity: 1h}\n';
    expect(load('shorter', text)).toMatchObject({
      name: 'shorter',
      validity: 3_600_000,
      kind: 'leaf',
      aliases: ['{service}', '{service}.link.local'],
    });
  });

  it.each([
    [
      'service',
      'profiles:\n  service:\n    validity: 1d\n    pathLength: 0\n',
      4,
      "pathLength of profile 'service' is for CAs only",
    ],
    ['root', 'profiles:\n  root:\n    keyUsage: [cRLSign]\n', 3, 'needs keyCertSign'],
    [
      'service',
      'profiles:\n  service:\n    keyUsage: [digitalSignature, keyCertSign]\n',
      3,
      'must not have keyCertSign',
    ],
    ['service', 'profiles:\n  service:\n    keyUsage: [keyAgreement]\n', 3, 'needs digitalSignature'],
    ['service', 'profiles:\n  service:\n    extendedKeyUsage: []\n', 3, 'must not be empty'],
    ['root', 'profiles:\n  root:\n    dns: [a]\n', 3, 'is for leaves only'],
    ['service', 'profiles:\n  service:\n    uri: [spiffe://a/b, https://c/d]\n', 3, 'no other URI'],
    ['service', 'profiles:\n  service:\n    backdate: 90d\n', 3, 'shorter than the validity'],
    ['mine', 'profiles:\n  mine: {validity: 1d}\n', 2, "kind of profile 'mine' is missing"],
    ['a', 'profiles:\n  a: {extends: b}\n  b: {extends: a}\n', 2, 'extends itself'],
  ])('of %s that contradict each other are refused: %j', (name, text, line, words) => {
    const failure = configFailure(() => load(name, text));
    expect(failure.message).toContain(words);
    expect(failure.details['line']).toBe(line);
  });

  it.each([
    ['renewAt: 1', 'fraction'],
    ['renewAt: 3/2', 'fraction'],
    ['renewAt: 1/0', 'fraction'],
    ['validity: 0d', 'longer than zero'],
    ['keyUsage: [signing]', 'digitalSignature'],
    ['extendedKeyUsage: [tls]', 'serverAuth'],
    ['extendedKeyUsage: [1.2]', 'object identifier'],
    ['dns: ["{name}.a"]', 'placeholders'],
    ['dns: ["{service"]', 'placeholders'],
    ['subject: "CN=\\e[2J"', 'control characters'],
    ['pathLength: -1', 'whole number'],
    ['kind: ca', 'intermediate'],
  ])('with a bad field are refused: %s', (line, words) => {
    const failure = configFailure(() => parseConfig(`profiles:\n  service:\n    ${line}\n`, 'mtlsctl.yaml'));
    expect(failure.message).toContain(words);
    expect(failure.details['line']).toBe(3);
  });

  it('take purposes by object identifier too', () => {
    expect(
      load('service', 'profiles: {service: {extendedKeyUsage: [serverAuth, clientAuth, 1.3.6.1.5.5.7.3.21]}}')
        .extendedKeyUsage,
    ).toContain('1.3.6.1.5.5.7.3.21');
  });
});

describe('what mtlsctl.yaml says of profiles', () => {
  it.each([
    [
      'profiles:\n  batch:\n    validity: 7d\n    extends: servce\n',
      4,
      "profiles.batch.extends has the bad value 'servce'",
      "did you mean 'service'?",
    ],
    [
      'profiles: {batch: {extends: zzzzzzzz}}\n',
      1,
      'there is no such profile',
      'the profiles are: root, intermediate, service, server, client, node, batch',
    ],
    ['trustDomain: a.b\ndefaults: {profile: nope}\n', 2, "defaults.profile has the bad value 'nope'", 'node'],
    ['defaults: {profile: root}\n', 1, "it is of the kind 'root', and not for services", ''],
    ['profiles:\n  own: {validity: 1d}\n', 2, "kind of profile 'own' is missing", ''],
    ['profiles:\n  a: {extends: b}\n  b: {extends: a}\n', 2, "profile 'a' extends itself", ''],
    ['profiles:\n  service:\n    extends: node\n', 3, "can't extend another", 'a name of its own'],
    ['profiles:\n  service:\n    validity: 30s\n', 3, 'validity', ''],
  ])('is refused at reading where it cannot work: %j', (text, line, words, hint) => {
    const failure = configFailure(() => parseConfig(text, 'pki/mtlsctl.yaml'));
    expect(failure.message).toMatch(new RegExp(`^pki/mtlsctl.yaml:${line}: `));
    expect(failure.message).toContain(words);
    expect(failure.hints.join()).toContain(hint);
  });

  it('takes a default that is made there', () => {
    const text = 'defaults: {profile: batch}\nprofiles: {batch: {extends: base}, base: {extends: node}}\n';
    expect(parseConfig(text, 'mtlsctl.yaml').defaults.profile).toBe('batch');
  });
});

describe('an unknown profile', () => {
  it('is a bad value, with the nearest name', () => {
    expect(() => loadProfile('servce', bundled)).toThrow(
      expect.objectContaining({ code: 'bad-value', hints: ["did you mean 'service'?"] }) as Error,
    );
  });

  it.each(['constructor', 'toString'])('is %s as well', name => {
    expect(() => loadProfile(name, bundled)).toThrow('there is no such profile');
  });
});
