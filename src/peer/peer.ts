import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, DEFAULT_CIPHERS, type TLSSocket } from 'node:tls';
import { MtlsctlError, systemErrorCode } from '../errors.ts';
import { formatHostPort, type HostPort } from './host-port.ts';
import { readServerFlight, type ServerFlight } from './server-flight.ts';

/** What a TLS server shows of itself. */
export interface Peer {
  readonly protocol: string;
  /** DER, in the order sent, whatever they are. */
  readonly certificates: readonly Uint8Array[];
  readonly clientCertificateRequested: boolean;
  /** The name asked for by Server Name Indication; undefined for an address. */
  readonly servername: string | undefined;
}

export interface PeerOptions {
  /** Instead of the host's name. */
  readonly servername?: string | undefined;
  /** For connection and handshake together, in milliseconds. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;

/** OpenSSL's SSL_MAX_CERT_LIST_DEFAULT is 100 kB; whoever sends more before the session begins is no TLS server. */
const maximumFlight = 1024 * 1024;

/**
 * Connects and reads the chain that the server sends, in its order, valid or not. The handshake need not succeed: a server that demands a
 * client certificate has shown its own by then. Throws `connection-failed`.
 */
export async function readPeer(address: HostPort, options: PeerOptions = {}): Promise<Peer> {
  const servername = options.servername ?? (isIP(address.host) === 0 ? address.host : undefined);
  const { flight, failure } = await captureFlight(address, servername, options.timeoutMs ?? defaultTimeoutMs);
  return judgeFlight(address, servername, flight, failure);
}

interface Captured {
  readonly flight: ServerFlight;
  /** What ended the handshake; undefined where it succeeded. */
  readonly failure: Error | undefined;
}

function judgeFlight(address: HostPort, servername: string | undefined, flight: ServerFlight, failure?: Error): Peer {
  const { protocol, certificates, certificateRequested } = flight;
  if (protocol === undefined || certificates.length === 0) throw connectionFailed(address, flight, failure);
  return { protocol, certificates, clientCertificateRequested: certificateRequested, servername };
}

function captureFlight(address: HostPort, servername: string | undefined, timeoutMs: number): Promise<Captured> {
  return new Promise(resolve => {
    const socket = connectTcp(address);
    const tap = tapped(socket);
    const secure = startHandshake(tap.stream, servername);
    let secret: Uint8Array | undefined;
    let settled = false;
    const settle = (failure?: Error): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      secure.destroy();
      socket.destroy();
      resolve({ flight: readServerFlight(tap.received(), secret), failure });
    };
    const timer = setTimeout(() => {
      settle(new Error(`no answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    secure.on('keylog', line => {
      secret ??= handshakeSecret(line);
    });
    secure.on('secureConnect', () => {
      settle();
    });
    for (const stream of [socket, secure]) {
      stream.on('error', settle);
      stream.on('close', () => {
        settle(new Error('the server closed the connection'));
      });
    }
  });
}

/** Nothing is refused for being old or weak: it is to be looked at, and nothing is sent. */
function startHandshake(stream: Duplex, servername: string | undefined): TLSSocket {
  return connectTls({
    socket: stream,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0`,
    ...(servername === undefined ? {} : { servername }),
  });
}

/** A stream over the socket that keeps what the server sends. */
function tapped(socket: Socket): { readonly stream: Duplex; received(): Buffer } {
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = new Duplex({
    read() {
      socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk, done);
    },
    final(done) {
      socket.end(done);
    },
  });
  socket.on('data', chunk => {
    size += chunk.length;
    if (size > maximumFlight) {
      socket.destroy(new Error(`the server sent more than ${maximumFlight} octets before the session began`));
      return;
    }
    chunks.push(chunk);
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  return { stream, received: () => Buffer.concat(chunks) };
}

/** The NSS key log format: label, client random, secret. */
function handshakeSecret(line: Buffer): Uint8Array | undefined {
  const match = /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]+ ([0-9a-f]+)\s*$/.exec(line.toString('latin1'));
  return match?.[1] === undefined ? undefined : Buffer.from(match[1], 'hex');
}

/** What a person reads for the codes of the system and of OpenSSL. */
const explanations: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the name could not be resolved just now',
  EADDRNOTAVAIL: 'the address is not available here',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the server reset the connection',
  EHOSTUNREACH: 'the host can not be reached',
  ENETUNREACH: 'the network can not be reached',
  ENOTFOUND: 'there is no such host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server speaks no version of TLS that is known here',
  ETIMEDOUT: 'no answer',
};

function connectionFailed(address: HostPort, flight: ServerFlight, failure: Error | undefined): MtlsctlError {
  const where = formatHostPort(address);
  const code = failureCode(failure);
  const reason =
    (code === undefined ? undefined : explanations[code]) ?? messageOf(failure) ?? 'no certificate was sent';
  const alert = flight.alert === undefined ? '' : ` (TLS alert ${flight.alert})`;
  return new MtlsctlError('connection-failed', `no certificate from ${where}: ${reason}${alert}`, {
    hints: [hintFor(code, where)],
    details: { host: address.host, port: address.port, ...(code === undefined ? {} : { systemCode: code }) },
    cause: failure,
  });
}

/** A host of several addresses fails with an AggregateError, whose parts hold the codes. */
function failureCode(failure: unknown): string | undefined {
  const first = failure instanceof AggregateError ? (failure.errors[0] as unknown) : failure;
  return systemErrorCode(failure) ?? systemErrorCode(first);
}

function hintFor(code: string | undefined, where: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `getent hosts ${where.replace(/:\d+$/, '')}`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return `where TLS begins after STARTTLS: openssl s_client -starttls <protocol> -showcerts -connect ${where}`;
  }
  return `openssl s_client -showcerts -connect ${where}`;
}

/** OpenSSL's messages name source files; its reason alone says as much. */
function messageOf(failure: Error | undefined): string | undefined {
  if (failure === undefined) return undefined;
  if ('reason' in failure && typeof failure.reason === 'string') return failure.reason;
  return failure.message.split('\n')[0]?.trim();
}
