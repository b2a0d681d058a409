// npm run quickstart: from nothing to mutual TLS. Makes a PKI with the real mtlsctl in a temporary directory, then lets real servers and clients
// meet: who has a certificate of this PKI is served, who has none or one of another CA is refused. Ends with status 0 only if every check held.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as nodeTls from './node-tls.mjs';
import * as openssl from './openssl.mjs';
import { allHeld, check, conclude, printed, step, title, typed } from './report.mjs';

const program = fileURLToPath(new URL('../../bin/mtlsctl.js', import.meta.url));
if (!existsSync(new URL('../../dist/mtlsctl.cjs', import.meta.url))) {
  console.error('mtlsctl is not built yet: run npm ci first');
  process.exit(2);
}
if (spawnSync('openssl', ['version']).error !== undefined) {
  console.error(
    'the second half lets openssl meet our certificates, and there is no openssl here: apt-get install openssl',
  );
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-quickstart-'));
process.chdir(directory);
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
// Nothing here takes long; a handshake that never ends is a failure, not a wait.
const patience = setTimeout(() => {
  console.error('\n✗ gave up after two minutes');
  process.exit(1);
}, 120_000);

process.exitCode = await quickstart();
clearTimeout(patience);

async function quickstart() {
  title('A private PKI and mutual TLS, from nothing');
  console.log(`Everything takes place in ${directory}, on loopback, and is removed at the end.`);
  makeRoot();
  makeIntermediate();
  enrolServices();
  makeAnotherPki();
  if (!allHeld()) return conclude('');
  const servers = { node: nodeTls.startServer, openssl: openssl.startServer };
  const clients = { "Node's tls": nodeTls.connect, 'openssl s_client': openssl.connect };
  step("Mutual TLS 1.3 with Node's tls", [
    'user-svc listens and demands a client certificate. It reads three files only:',
    'pki/user-svc/cert.pem, pki/user-svc/key.pem and pki/user-svc/ca.pem.',
  ]);
  await meet(servers.node, clients);
  step('The same with openssl s_server', ['Another implementation of TLS, with the same files and the same outcome.']);
  typed(`openssl ${openssl.serverCommand(files('pki', 'user-svc')).join(' ')}`);
  await meet(servers.openssl, clients);
  return conclude(': certificates of this PKI are served, all others are refused');
}

function makeRoot() {
  step('A root CA', [
    'The root signs the CAs of all locations and is kept offline. Its key is encrypted',
    'with a passphrase, which is read from a file here; on a terminal it is asked for.',
  ]);
  writeFileSync('root-passphrase', `${randomBytes(18).toString('base64')}\n`, { mode: 0o600 });
  const made = mtlsctl('pki', 'init-root', '--passphrase-file', 'root-passphrase');
  check('the root is made', made.status === 0, `exit status ${made.status}`);
  const key = contentOf('pki/authorities/root/key.pem');
  check('its key is encrypted', key.includes('BEGIN ENCRYPTED PRIVATE KEY'));
  check('its key can be read by its owner only', modeOf('pki/authorities/root/key.pem') === '600');
  const again = mtlsctl('pki', 'init-root', '--passphrase-file', 'root-passphrase');
  check('a second root in its place is refused', again.status === 4, `exit status ${again.status}`);
}

function makeIntermediate() {
  step('An intermediate CA', [
    'One for each location. It is online and signs services unattended, so its key is',
    "not encrypted. The root's passphrase is needed to sign it.",
  ]);
  const args = ['issue-intermediate', 'site-a', '--no-passphrase', '--ca-passphrase-file', 'root-passphrase'];
  const made = mtlsctl('pki', ...args);
  check('the intermediate is made', made.status === 0, `exit status ${made.status}`);
}

function enrolServices() {
  step('Two services', [
    'Each gets a directory with its key, its certificate (followed by the intermediate)',
    'and the trust anchor. Enrolling twice changes nothing.',
  ]);
  const enrolled = mtlsctl('pki', 'enroll', 'user-svc', 'api-gateway');
  check('both are enrolled', enrolled.status === 0, `exit status ${enrolled.status}`);
  check("user-svc's key can be read by its owner only", modeOf('pki/user-svc/key.pem') === '600');
  const before = contentOf('pki/user-svc/cert.pem');
  const again = mtlsctl('pki', 'enroll', 'user-svc', 'api-gateway');
  check('a second time changes nothing', again.status === 0 && contentOf('pki/user-svc/cert.pem') === before);
  const shown = mtlsctl('pki', 'inspect', '--short', 'pki/user-svc/cert.pem');
  check('the first certificate is that of user-svc', shown.stdout.includes('CN=user-svc.link.internal'));
  const verified = mtlsctl('pki', 'verify-chain', 'user-svc', 'api-gateway', '--purpose', 'mutual');
  check('their chains are valid for both sides of mutual TLS', verified.status === 0, `exit status ${verified.status}`);
}

function makeAnotherPki() {
  step('A stranger', [
    'Somebody else has a PKI too, and has given a service the same name. The names are',
    'the same; the root is not.',
  ]);
  const made = [
    mtlsctl('elsewhere', 'init-root', '--no-passphrase'),
    mtlsctl('elsewhere', 'issue-intermediate', 'site-a', '--no-passphrase'),
    mtlsctl('elsewhere', 'enroll', 'api-gateway'),
  ];
  check(
    'the other PKI is made',
    made.every(({ status }) => status === 0),
  );
  const args = ['verify-chain', 'elsewhere/api-gateway/cert.pem', '--trust', 'pki/ca.pem'];
  const verified = mtlsctl('pki', ...args);
  check('verify-chain refuses it here', verified.status === 1, `exit status ${verified.status}`);
}

/** One server, and each client in three shapes: with its certificate, without any, with one of another CA. */
async function meet(startServer, clients) {
  const { certificate, key, chain, trust } = files('pki', 'user-svc');
  const server = await startServer({ certificate, key, chain, trust });
  console.log();
  try {
    for (const [name, connect] of Object.entries(clients)) {
      const call = async identity => {
        const target = { port: server.port, trust, serverName: 'user-svc.link.internal', identity };
        const [answer, verdict] = await Promise.all([connect(target), server.verdict()]);
        return { answer, ...verdict };
      };
      const peer = await call(files('pki', 'api-gateway'));
      check(`${name} as api-gateway is served`, peer.served && peer.answer === 'olleh', peer.said);
      const nobody = await call(undefined);
      check(`${name} without a certificate is refused`, isRefusal(nobody), `the server: ${nobody.said}`);
      const stranger = await call(files('elsewhere', 'api-gateway'));
      check(`${name} with one of another CA is refused`, isRefusal(stranger), `the server: ${stranger.said}`);
    }
  } finally {
    await server.stop();
  }
}

function isRefusal({ served, answer }) {
  return !served && answer === undefined;
}

/** What a server or a client is given. openssl does not send the intermediates of -cert, so it gets them by -cert_chain. */
function files(pki, service) {
  return {
    certificate: `${pki}/${service}/cert.pem`,
    key: `${pki}/${service}/key.pem`,
    chain: `${pki}/authorities/site-a/chain.pem`,
    trust: `${pki}/${service}/ca.pem`,
  };
}

/** Types a command: MTLSCTL_DIR says which PKI directory. */
function mtlsctl(pki, ...args) {
  typed(`MTLSCTL_DIR=${pki} mtlsctl ${args.join(' ')}`);
  const environment = { ...process.env, MTLSCTL_DIR: pki };
  const run = spawnSync(process.execPath, [program, ...args], {
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  printed(run.stdout + run.stderr);
  return run;
}

function contentOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function modeOf(path) {
  return existsSync(path) ? (statSync(path).mode & 0o777).toString(8) : 'missing';
}
