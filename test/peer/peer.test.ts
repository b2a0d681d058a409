import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { readPeer } from '../../src/peer/peer.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { inspect, inspectJson } from '../inspect/command.ts';
import { authority, day, intermediate, issue, now, type Entity } from '../path/certificates.ts';

const root = authority();
const site = intermediate(root);
const leaf = issue(site, { dns: ['localhost'] });
const stranger = authority({ name: 'stranger' });

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const pemOf = (...entities: readonly Entity[]): string =>
  entities.map(({ certificate }) => encodePem('CERTIFICATE', certificate.der)).join('');

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function tlsServer(
  options: TlsOptions = {},
  chain: readonly Entity[] = [leaf, site],
  host?: string,
): Promise<number> {
  const key = chain[0]!.key.privateKey.export({ format: 'pem', type: 'pkcs8' });
  const server = createServer({ key, cert: pemOf(...chain), ...options });
  server.on('tlsClientError', () => undefined);
  return listen(server, host);
}

const subjects = async (port: number, host = '127.0.0.1'): Promise<readonly Uint8Array[]> =>
  (await readPeer({ host, port })).certificates;

const ders = (...entities: readonly Entity[]): readonly Uint8Array[] =>
  entities.map(({ certificate }) => certificate.der);

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a server of %s', version => {
  const only = { minVersion: version, maxVersion: version };

  it('shows its whole chain, in its order', async () => {
    const port = await tlsServer(only);
    expect(await readPeer({ host: '127.0.0.1', port })).toEqual({
      protocol: version,
      certificates: ders(leaf, site),
      clientCertificateRequested: false,
      servername: undefined,
    });
  });

  it('shows its chain also where it demands a client certificate', async () => {
    const port = await tlsServer({ ...only, requestCert: true, rejectUnauthorized: true, ca: pemOf(root) });
    const peer = await readPeer({ host: '127.0.0.1', port });
    expect(peer.certificates).toEqual(ders(leaf, site));
    expect(peer.clientCertificateRequested).toBe(true);
  });

  it('shows an expired, self-signed certificate of another name', async () => {
    const old = authority({
      name: 'old',
      keyUsage: KeyUsage.digitalSignature,
      notBefore: now - 900 * day,
      notAfter: now - 800 * day,
    });
    expect(await subjects(await tlsServer(only, [old]))).toEqual(ders(old));
  });

  it('shows certificates that do not belong to the chain, and one sent twice', async () => {
    const chain = [leaf, stranger, site, site, root];
    expect(await subjects(await tlsServer(only, chain))).toEqual(ders(...chain));
  });

  it('shows a chain of many records', async () => {
    const chain = [leaf, ...Array.from({ length: 60 }, (_, i) => authority({ name: `${'x'.repeat(500)}${i}` }))];
    expect(await subjects(await tlsServer(only, chain))).toEqual(ders(...chain));
  });

  it('is asked for the host by its name, or for the name given', async () => {
    const asked: (string | undefined)[] = [];
    const port = await tlsServer({
      ...only,
      SNICallback: (name, done) => {
        asked.push(name);
        done(null);
      },
    });
    await readPeer({ host: 'localhost', port });
    await readPeer({ host: '127.0.0.1', port }, { servername: 'other.example' });
    await readPeer({ host: '127.0.0.1', port });
    expect(asked).toEqual(['localhost', 'other.example']);
  });
});

it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
  'reads the flight under %s',
  async ciphers => {
    expect(await subjects(await tlsServer({ minVersion: 'TLSv1.3', ciphers }))).toEqual(ders(leaf, site));
  },
);

it('reads the flight after a HelloRetryRequest', async () => {
  expect(await subjects(await tlsServer({ minVersion: 'TLSv1.3', ecdhCurve: 'secp521r1' }))).toEqual(ders(leaf, site));
});

it('reads the chain of a server that offers no version but old ones', async () => {
  const port = await tlsServer({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  expect((await readPeer({ host: '127.0.0.1', port })).protocol).toBe('TLSv1.1');
});

describe('what is no TLS server', () => {
  const failure = (port: number, timeoutMs = 5000): Promise<unknown> =>
    readPeer({ host: '127.0.0.1', port }, { timeoutMs }).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('is refused where nothing listens', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    expect(await failure(port)).toMatchObject({
      code: 'connection-failed',
      message: `no certificate from 127.0.0.1:${port}: nothing listens there`,
      hints: [expect.stringContaining('openssl s_client')],
    });
  });

  it('is refused where it speaks first in plain text, with a hint at STARTTLS', async () => {
    const port = await listen(
      createTcpServer(socket => socket.on('error', () => undefined).end('220 mail.example ESMTP\r\n')),
    );
    expect(await failure(port)).toMatchObject({
      code: 'connection-failed',
      hints: [expect.stringContaining('-starttls')],
    });
  });

  it('is refused where it closes at once', async () => {
    const port = await listen(createTcpServer(socket => socket.on('error', () => undefined).destroy()));
    expect(await failure(port)).toMatchObject({ code: 'connection-failed' });
  });

  it('is given up where it stays silent', async () => {
    const port = await listen(createTcpServer(socket => socket.on('error', () => undefined)));
    expect(await failure(port, 50)).toMatchObject({
      message: expect.stringContaining('no answer within 0.05 s') as string,
    });
  });

  it('is given up where it sends without end', async () => {
    const port = await listen(
      createTcpServer(socket => {
        const record = Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000, 0)]);
        const flood = (): void => {
          while (socket.writable && socket.write(record));
        };
        socket.on('error', () => undefined).on('drain', flood);
        flood();
      }),
    );
    expect(await failure(port)).toMatchObject({ code: 'connection-failed' });
  });
});

describe('inspect host:port', () => {
  it('shows the chain as a file of it would be shown, and how the server answered', async () => {
    const port = await tlsServer({ requestCert: true, rejectUnauthorized: true, ca: pemOf(root) });
    const { status, output } = await inspect([`localhost:${port}`]);
    expect(status).toBe(0);
    expect(output).toContain(
      `localhost:${port}: TLSv1.3 server, asked for localhost, asks for a client certificate, 2 certificates\n`,
    );
    expect(output).toContain('certificate 1 of 2');
    expect(await inspectJson([`localhost:${port}`])).toMatchObject([
      {
        target: `localhost:${port}`,
        subject: 'CN=user-svc',
        chain: { position: 1 },
        server: { clientCertificateRequested: true },
      },
      { subject: 'CN=site-a', server: { protocol: 'TLSv1.3', servername: 'localhost' } },
    ]);
    expect((await inspect(['--format', 'pem', `localhost:${port}`])).output).toBe(pemOf(leaf, site));
  });

  it('fails with status 3 and one error line', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    const { status, errors } = await inspect([`127.0.0.1:${port}`]);
    expect(status).toBe(3);
    expect(errors).toMatch(
      /^mtlsctl: error: no certificate from .*\[connection-failed\]\nmtlsctl: hint: openssl .*\n$/,
    );
  });
});
