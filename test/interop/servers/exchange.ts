import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { type Identity, serialOf, serverName } from './pki.ts';

export interface Call {
  readonly port: number;
  readonly trust: string;
  /** None: no certificate is shown. */
  readonly identity?: Identity | undefined;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** What is said in clear before TLS begins, for protocols that begin so; resolves when it may begin. */
  readonly upgrade?: (socket: Socket) => Promise<unknown>;
}

export interface Answer {
  /** All that the server has said; empty where it broke off. */
  readonly text: string;
  /** The server's serial number on the wire, in lower case. */
  readonly serial: string;
  /** Why the client thinks that it failed: of a refused client's view not much can be known with TLS 1.3. */
  readonly problem: string | undefined;
}

const patience = 30_000;

/** Opens a connection, says something, and gathers what comes back until the server closes, or `isWhole` says that it is all. */
export async function exchange(
  call: Call,
  say: string | Uint8Array,
  isWhole: (text: string) => boolean = () => false,
): Promise<Answer> {
  const plain = connect(call.port, '127.0.0.1');
  let problem: string | undefined;
  plain.on('error', (error: Error) => (problem ??= error.message));
  // Without an upgrade TLS begins at once.
  await call.upgrade?.(plain);
  return new Promise(resolve => {
    let [text, serial] = ['', ''];
    const socket = tls.connect({
      socket: plain,
      servername: serverName,
      ca: readFileSync(call.trust),
      minVersion: 'TLSv1.2',
      ...(call.maxVersion && { maxVersion: call.maxVersion }),
      ...(call.identity && {
        cert: readFileSync(call.identity.certificate),
        key: readFileSync(call.identity.key),
      }),
    });
    socket.setTimeout(patience, () => socket.destroy(new Error('no answer')));
    socket.on('secureConnect', () => {
      serial = serialOf(socket.getPeerCertificate().raw);
      socket.write(say);
    });
    socket.on('data', data => {
      text += String(data);
      if (isWhole(text)) socket.end();
    });
    socket.on('error', (error: Error) => (problem ??= error.message));
    socket.on('close', () => {
      plain.destroy();
      resolve({ text, serial, problem });
    });
  });
}

/** One request over a connection of its own. */
export function get(call: Call): Promise<Answer> {
  return exchange(call, `GET / HTTP/1.1\r\nHost: ${serverName}\r\nConnection: close\r\n\r\n`);
}
