// The same with `openssl s_server` and `openssl s_client`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { queue } from './node-tls.mjs';

// Only the trust anchors that are named count, not the system's.
const environment = { ...process.env, SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/dev/null' };
const lineEnd = /\r?\n/;

export const serverCommand = ({ certificate, key, chain, trust }) => [
  ...['s_server', '-accept', '127.0.0.1:0', '-tls1_3', '-rev'],
  ...['-cert', certificate, '-key', key, '-cert_chain', chain, '-CAfile', trust],
  ...['-Verify', '2', '-verify_return_error'],
];

export const clientCommand = ({ port, trust, serverName, identity }) => [
  ...[
    's_client',
    '-quiet',
    '-no_ign_eof',
    '-connect',
    `127.0.0.1:${port}`,
    '-tls1_3',
    '-servername',
    serverName,
    '-CAfile',
    trust,
  ],
  ...['-verify_return_error', '-verify_hostname', serverName],
  ...(identity ? ['-cert', identity.certificate, '-key', identity.key, '-cert_chain', identity.chain] : []),
];

/** As startServer of node-tls.mjs; the verdict is read from what s_server prints. */
export async function startServer(options) {
  const child = spawn('openssl', serverCommand(options), { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  const verdicts = queue();
  const listening = queue();
  const read = verdictReader(verdicts);
  readLines(child, line => {
    const accepting = /^ACCEPT .*:(\d+)$/.exec(line);
    if (accepting) listening.put(Number(accepting[1]));
    else read(line);
  });
  child.on('error', error => listening.put(error));
  child.on('exit', status => listening.put(new Error(`openssl s_server ended with status ${status}`)));
  const port = await listening.take();
  if (port instanceof Error) throw port;
  return {
    name: 'openssl s_server',
    port,
    verdict: () => verdicts.take(),
    stop: async () => {
      child.kill();
      await once(child, 'close');
    },
  };
}

/** s_server says `verify error:…` where a certificate does not please it, and then how the connection ended, with the reasons below. */
function verdictReader(verdicts) {
  let complaint;
  let peer;
  let failing = false;
  const end = verdict => {
    verdicts.put(verdict);
    complaint = peer = undefined;
    failing = false;
  };
  return line => {
    complaint = /^verify error:num=\d+:(.*)$/.exec(line)?.[1] ?? complaint;
    peer = /^Peer certificate: (.*)$/.exec(line)?.[1] ?? peer;
    if (/^CONNECTION FAILURE/.test(line)) failing = true;
    // 40…:error:0A0000C7:SSL routines:tls_process_client_certificate:peer did not return a certificate:…
    const reason = failing ? /:error:[^:]*:[^:]*:[^:]*:([^:]*)/.exec(line)?.[1] : undefined;
    if (reason !== undefined) end({ served: false, said: complaint ?? reason });
    if (/^CONNECTION CLOSED/.test(line) && peer !== undefined) end({ served: true, said: peer });
  };
}

/** As connect of node-tls.mjs. */
export function connect(options) {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', clientCommand(options), { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    let answer;
    readLines(child, line => {
      if (line !== 'olleh') return;
      answer = line;
      child.stdin.end();
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write('hello\n');
    child.on('error', reject);
    child.on('close', () => {
      resolve(answer);
    });
  });
}

function readLines(child, take) {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.on('data', data => {
      const lines = (rest + String(data)).split(lineEnd);
      rest = lines.pop();
      lines.forEach(take);
    });
  }
}
