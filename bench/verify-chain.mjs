// A thousand three-tier chains verified, against one `openssl verify` process that is given the same thousand leaves.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, run } from './measure.mjs';
import { makeAuthorities, mtlsctl } from './pki.mjs';

const count = 1000;
const firstBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/;

/** The same leaves for every row: without what follows them in cert.pem. */
function makeWorld(directory) {
  const pki = join(directory, 'pki');
  const { certificate: untrusted } = makeAuthorities(pki);
  const names = Array.from({ length: count }, (_, index) => `svc-${index + 1}`);
  const fleet = join(directory, 'fleet.yaml');
  writeFileSync(fleet, `services:\n${names.map(name => `  - ${name}\n`).join('')}`);
  mtlsctl(['enroll', '--from', fleet, '--dir', pki, '--quiet']);
  mkdirSync(join(directory, 'leaves'));
  const leaves = names.map(name => {
    const path = join(directory, 'leaves', `${name}.pem`);
    writeFileSync(path, firstBlock.exec(readFileSync(join(pki, name, 'cert.pem'), 'latin1'))[0]);
    return path;
  });
  return { leaves, untrusted, trust: join(pki, 'ca.pem'), crl: join(pki, 'crl.pem') };
}

function openssl({ leaves, untrusted, trust, crl }, withCrls) {
  const revocation = withCrls ? ['-crl_check_all', '-CRLfile', crl] : [];
  const out = run('openssl', ['verify', ...revocation, '-CAfile', trust, '-untrusted', untrusted, ...leaves]);
  expectAll(out.match(/: OK$/gm)?.length);
}

function files({ leaves, untrusted, trust, crl }, withCrls) {
  const revocation = withCrls ? ['--crl', crl] : [];
  const out = mtlsctl(['verify-chain', '--json', '--trust', trust, '--untrusted', untrusted, ...revocation, ...leaves]);
  expectAll(JSON.parse(out).results.filter(result => result.valid).length);
}

function batchLines({ leaves, untrusted, trust, crl }, withCrls) {
  const read = path => readFileSync(path, 'latin1');
  const crls = withCrls ? read(crl).match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----\n/g) : [];
  const request = { untrusted: [read(untrusted)], trust: [read(trust)], crls, time: null, purpose: 'any', name: null };
  return leaves.map(path => `${JSON.stringify({ id: path, leaf: read(path), ...request })}\n`).join('');
}

function batch(lines) {
  const out = mtlsctl(['verify-chain', '--batch'], { input: lines });
  expectAll(out.match(/"valid":true/g)?.length);
}

/** A benchmark of wrong results would be worth nothing. */
function expectAll(valid) {
  if (valid !== count) throw new Error(`only ${valid} of ${count} chains are valid`);
}

function row(what, goal, withCrls, ours) {
  return {
    work: `verify ${count} chains, ${what}`,
    peer: `one openssl verify${withCrls ? ' -crl_check_all' : ''}`,
    goal: { timesAsFast: goal },
    measure(directory) {
      const world = makeWorld(directory);
      const work = ours(world);
      return compare({ rounds: 5, ours: work, peer: () => openssl(world, withCrls) });
    },
  };
}

export default [
  row('files', 1, false, world => () => files(world, false)),
  row('--batch', 1, false, world => {
    const lines = batchLines(world, false);
    return () => batch(lines);
  }),
  row('files, with CRLs', 1, true, world => () => files(world, true)),
  row('--batch, with CRLs', 1, true, world => {
    const lines = batchLines(world, true);
    return () => batch(lines);
  }),
];
