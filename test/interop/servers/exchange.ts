import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { type Identity, serialOf, serverName } from './pki.ts';

export interface Call {
  readonly port: number;
  readonly trust: string;
  /** None: no certificate is shown. */
  readonly identity?: Identity | undefined;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
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
export function exchange(call: Call, say: string, isWhole: (text: string) => boolean = () => false): Promise<Answer> {
  return new Promise(resolve => {
    let [text, serial] = ['', ''];
    let problem: string | undefined;
    const socket = tls.connect({
      host: '127.0.0.1',
      port: call.port,
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
    socket.on('error', (error: Error) => (problem = error.message));
    socket.on('close', () => {
      resolve({ text, serial, problem });
    });
  });
}

/** One request over a connection of its own. */
export function get(call: Call): Promise<Answer> {
  return exchange(call, `GET / HTTP/1.1\r\nHost: ${serverName}\r\nConnection: close\r\n\r\n`);
}
