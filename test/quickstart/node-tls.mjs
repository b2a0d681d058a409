// Mutual TLS 1.3 with Node's own `tls`. The server answers a line with the same line backwards, as `openssl s_server -rev` does.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import tls from 'node:tls';

/**
 * A server that demands client certificates. `verdict()` is its own judgement of the next connection: with TLS 1.3 a client that is refused
 * learns of it late, as an alert, a reset or a broken pipe.
 */
export async function startServer({ certificate, key, trust }) {
  const server = tls.createServer({
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ca: readFileSync(trust),
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
  });
  const verdicts = queue();
  server.on('secureConnection', socket => {
    socket.on('error', () => undefined);
    socket.once('data', line => socket.end(`${[...String(line).trimEnd()].reverse().join('')}\n`));
    verdicts.put({ served: true, said: `${socket.getProtocol()}, ${socket.getPeerCertificate().subject.CN}` });
  });
  server.on('tlsClientError', (error, socket) => {
    verdicts.put({ served: false, said: socket.authorizationError ?? error.code });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name: "Node's tls server",
    port: server.address().port,
    verdict: () => verdicts.take(),
    stop: () => new Promise(resolve => server.close(resolve)),
  };
}

/** Connects, sends a line and returns what came back, or undefined where nothing did. */
export function connect({ port, trust, serverName, identity }) {
  return new Promise(resolve => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername: serverName,
      ca: readFileSync(trust),
      minVersion: 'TLSv1.3',
      ...(identity && { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) }),
    });
    let answer = '';
    socket.on('secureConnect', () => socket.write('hello\n'));
    socket.on('data', data => {
      answer += String(data);
      if (answer.includes('\n')) socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(answer.trim() || undefined);
    });
  });
}

/** Values in the order in which they come, to be awaited one by one. */
export function queue() {
  const ready = [];
  const waiting = [];
  return {
    put: value => (waiting.length > 0 ? waiting.shift()(value) : ready.push(value)),
    take: () => (ready.length > 0 ? Promise.resolve(ready.shift()) : new Promise(resolve => waiting.push(resolve))),
  };
}
