// CRLs of a fleet: built from a ledger and published, and one serial number looked up in them with the signature checked, beside openssl
// with the same entries. What is timed of ours is the work of a fresh process without Node's start, which 100,000 entries take no longer
// than; the last rows are whole commands. The others are our own growth: ten times the entries may cost twelve times the time.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { median, run, time } from './measure.mjs';
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

let driver;

/** Makes plain JavaScript of crl-work.ts, for as long as this process lives, where the packages are found. */
function workDriver() {
  if (driver !== undefined) return driver;
  driver = fileURLToPath(new URL('.crl-work.mjs', import.meta.url));
  buildSync({
    entryPoints: [fileURLToPath(new URL('crl-work.ts', import.meta.url))],
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error' },
    ...{ loader: { '.yaml': 'text' }, outfile: driver },
  });
  process.on('exit', () => rmSync(driver, { force: true }));
  return driver;
}

function ours(work, expected, ...args) {
  const { milliseconds, outcome } = JSON.parse(run(process.execPath, [workDriver(), work, ...args]));
  // A benchmark of wrong results would be worth nothing.
  if (outcome !== expected) throw new Error(`${work} ended with ${outcome} instead of ${expected}`);
  return milliseconds;
}

const build = ({ pki, count }) => ours('build', count, pki);
const lookUp = ({ pki, leaf, certificate }) => ours('look-up', true, pki, leaf, certificate);
const command = ({ pki }) => time(() => mtlsctl(['crl', 'site', '--dir', pki, '--quiet']));
const opensslBuild = ({ config }) =>
  time(() => run('openssl', ['ca', '-gencrl', '-config', config, '-out', `${config}.crl`]));
const opensslLookUp = ({ leaf, certificate, trust, crl }) =>
  time(() =>
    run('openssl', ['verify', '-crl_check', '-CRLfile', crl, '-CAfile', trust, '-untrusted', certificate, leaf]),
  );
const lookUpCommand = ({ leaf, certificate, trust, crl }) =>
  time(() => mtlsctl(['verify-chain', leaf, '--trust', trust, '--untrusted', certificate, '--crl', crl, '--quiet']));

const number = count => count.toLocaleString('en');
const roundsFor = count => (count >= 1_000_000 ? 2 : 5);

/** Medians of functions that tell their time, in turns after one unmeasured round. */
function inTurns(rounds, ...actions) {
  const times = actions.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, action] of actions.entries()) {
      const taken = action();
      if (round >= 0) times[index].push(taken);
    }
  }
  return times.map(median);
}

function beside(work, count, peer, ourWork, theirs) {
  return {
    work: `${work} ${number(count)} entries`,
    peer,
    goal: { atMost: 0.5 },
    measure(directory) {
      const world = makeWorld(directory, count);
      build(world);
      const [own, other] = inTurns(
        roundsFor(count),
        () => ourWork(world),
        () => theirs(world),
      );
      return { ours: own, peer: other };
    },
  };
}

function growth(work, count, action) {
  return {
    work: `${work} ${number(count)} entries`,
    peer: `ours, with ${number(count / 10)}`,
    goal: { atMost: 12 },
    measure(directory) {
      const worlds = [count, count / 10].map(each => makeWorld(directory, each));
      for (const world of worlds) build(world);
      const [large, small] = inTurns(roundsFor(count), ...worlds.map(world => () => action(world)));
      return { ours: large, peer: small };
    },
  };
}

const ca = 'openssl ca -gencrl';
const verify = 'openssl verify -crl_check';
const sizes = [100_000, 1_000_000];

export default [
  ...sizes.flatMap(count => [
    beside('build a CRL of', count, ca, build, opensslBuild),
    beside('look up in a CRL of', count, verify, lookUp, opensslLookUp),
    growth('build a CRL of', count, build),
    growth('look up in a CRL of', count, lookUp),
  ]),
  beside('mtlsctl crl,', 1_000_000, ca, command, opensslBuild),
  beside('mtlsctl verify-chain --crl,', 1_000_000, verify, lookUpCommand, opensslLookUp),
];
