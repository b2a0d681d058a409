// CRLs of a fleet: built from a ledger and published, and one serial number looked up in them with the signature checked, beside openssl
// with the same entries. Each further row is our own growth: ten times the entries may cost twelve times the time.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { compare, median, run, time } from './measure.mjs';
import { makeAuthorities, mtlsctl } from './pki.mjs';

const sha256 = text => createHash('sha256').update(text).digest('hex');
const day = 86_400_000;
const now = Date.now();
const instant = ms => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const asn1 = ms => instant(ms).slice(2).replace(/[-:T]/g, '');

/** One PKI whose intermediate has revoked so many, in our ledger and in an index of openssl's, and one service that is not revoked. */
function makeWorld(directory, count) {
  const pki = join(directory, `pki-${count}`);
  const { certificate, key } = makeAuthorities(pki);
  mtlsctl(['enroll', 'svc', '--dir', pki, '--quiet']);
  const serials = Array.from({ length: count }, () => `4${randomBytes(16).toString('hex').slice(1)}`);
  appendRevocations(join(pki, 'authorities', 'site', 'ledger.jsonl'), serials);
  const config = writeOpensslCa(join(directory, `openssl-${count}`), certificate, key, serials);
  const leaf = join(directory, `leaf-${count}.pem`);
  writeFileSync(
    leaf,
    /-----BEGIN[^]+?-----END CERTIFICATE-----\n/.exec(readFileSync(join(pki, 'svc', 'cert.pem'), 'latin1'))[0],
  );
  return { count, pki, certificate, leaf, config, trust: join(pki, 'ca.pem'), crl: join(pki, 'crl.pem') };
}

function appendRevocations(path, serials) {
  const before = readFileSync(path, 'utf8').trimEnd().split('\n');
  let prev = sha256(before.at(-1));
  let seq = before.length;
  const file = openSync(path, 'a');
  for (let start = 0; start < serials.length; start += 10_000) {
    let text = '';
    for (const serial of serials.slice(start, start + 10_000)) {
      seq += 1;
      const dates = `"date":"${instant(now)}","notAfter":"${instant(now + 90 * day)}"`;
      const covered = `{"seq":${seq},"at":"${instant(now)}","event":"revoked","serial":"${serial}","reason":1,${dates},"prev":"${prev}"`;
      const line = `${covered},"sum":"${sha256(covered)}"}`;
      prev = sha256(line);
      text += `${line}\n`;
    }
    writeSync(file, text);
  }
  closeSync(file);
}

function writeOpensslCa(prefix, certificate, key, serials) {
  const index = openSync(`${prefix}.index`, 'w');
  for (let start = 0; start < serials.length; start += 10_000) {
    const lines = serials
      .slice(start, start + 10_000)
      .map(
        serial =>
          `R\t${asn1(now + 90 * day)}\t${asn1(now)},keyCompromise\t${serial.toUpperCase()}\tunknown\t/CN=${serial}\n`,
      );
    writeSync(index, lines.join(''));
  }
  closeSync(index);
  writeFileSync(`${prefix}.index.attr`, 'unique_subject = no\n');
  writeFileSync(`${prefix}.number`, '02\n');
  const settings = {
    ...{ database: `${prefix}.index`, crlnumber: `${prefix}.number`, certificate, private_key: key },
    ...{ default_md: 'sha256', default_crl_days: 1, crl_extensions: 'crl_ext', policy: 'any' },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  const rest = '[crl_ext]\nauthorityKeyIdentifier = keyid\n[any]\ncommonName = supplied\n';
  writeFileSync(`${prefix}.cnf`, `[ca]\ndefault_ca = site\n[site]\n${lines.join('')}${rest}`);
  return `${prefix}.cnf`;
}

function build({ pki, count }) {
  const out = mtlsctl(['crl', 'site', '--dir', pki, '--json']);
  expectEntries(JSON.parse(out).crls[0].entries, count);
}

function opensslBuild({ config }) {
  run('openssl', ['ca', '-gencrl', '-config', config, '-out', `${config}.crl`]);
}

function lookUp({ leaf, certificate, trust, crl }) {
  const out = mtlsctl(['verify-chain', leaf, '--trust', trust, '--untrusted', certificate, '--crl', crl, '--json']);
  if (!JSON.parse(out).results[0].valid) throw new Error('the service is refused');
}

function opensslLookUp({ leaf, certificate, trust, crl }) {
  run('openssl', ['verify', '-crl_check', '-CRLfile', crl, '-CAfile', trust, '-untrusted', certificate, leaf]);
}

/** A benchmark of wrong results would be worth nothing. */
function expectEntries(found, count) {
  if (found !== count) throw new Error(`the CRL has ${found} entries instead of ${count}`);
}

const roundsFor = count => (count >= 1_000_000 ? 2 : 5);

function beside(what, count, peer, ours, theirs) {
  return {
    work: `${what} ${count.toLocaleString('en')} entries`,
    peer,
    goal: { atMost: 0.5 },
    measure(directory) {
      const world = makeWorld(directory, count);
      build(world);
      return compare({ rounds: roundsFor(count), ours: () => ours(world), peer: () => theirs(world) });
    },
  };
}

function growth(what, count, action) {
  const smaller = count / 10;
  return {
    work: `${what} ${count.toLocaleString('en')} entries`,
    peer: `ours, with ${smaller.toLocaleString('en')}`,
    goal: { atMost: 12 },
    measure(directory) {
      const [large, small] = [makeWorld(directory, count), makeWorld(directory, smaller)];
      for (const world of [large, small]) build(world);
      const times = world => Array.from({ length: roundsFor(count) }, () => time(() => action(world)));
      return { ours: median(times(large)), peer: median(times(small)) };
    },
  };
}

const ca = 'openssl ca -gencrl';
const verify = 'openssl verify -crl_check';

export default [
  ...[100_000, 1_000_000].flatMap(count => [
    beside('build a CRL of', count, ca, build, opensslBuild),
    beside('look up in a CRL of', count, verify, lookUp, opensslLookUp),
  ]),
  ...[100_000, 1_000_000].flatMap(count => [
    growth('build a CRL of', count, build),
    growth('look up in a CRL of', count, lookUp),
  ]),
];
