import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCrls } from '../../../src/x509/crl.ts';
import { crlNumber } from '../../../src/x509/extensions.ts';
import { sharedTemporaryDirectory } from '../../temporary.ts';
import { lacksTool, requireTool } from '../requirements.ts';
import { type Answer, get } from './exchange.ts';
import { type Identity, identityOf, makeServerPki, type ServerPki } from './pki.ts';
import { freePort, type RunningServer, startServer, until, untilLogged } from './processes.ts';

const base = sharedTemporaryDirectory();
let pki: ServerPki;
const crl = (): string => join(pki.directory, 'crl.pem');
const siteCrl = (extension: string): string => join(pki.directory, 'authorities', 'site-a', `crl.${extension}`);

/** What a program prints; throws unless it ends as it should. */
function printed(command: string, args: readonly string[], options: { status?: number; env?: object } = {}): string {
  const env = { ...process.env, ...options.env };
  const { status, stdout, stderr } = spawnSync(requireTool(command), args, { encoding: 'utf8', env });
  expect(status, stderr).toBe(options.status ?? 0);
  return stdout + stderr;
}

beforeAll(async () => {
  pki = await makeServerPki(base());
});

describe('a revoked client', () => {
  const revoked = (): Identity => pki.callers.revokedLater;
  const servers: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of servers) await stop();
  });

  let nodeServer: { port: number; reload: () => void };
  let nginx: { port: number; server: RunningServer; reload: () => void } | undefined;

  beforeAll(async () => {
    nodeServer = await startNode();
    nginx = lacksTool('nginx') ? undefined : await startNginx();
  });

  /** Node's tls takes CRLs with the rest of a context, and a running server takes a new context. */
  async function startNode(): Promise<{ port: number; reload: () => void }> {
    const context = (): tls.SecureContextOptions => ({
      cert: readFileSync(join(pki.directory, 'user-svc', 'cert.pem')),
      key: readFileSync(join(pki.directory, 'user-svc', 'key.pem')),
      ca: readFileSync(pki.trust),
      // One text for each CRL: of several in one text Node reads the first only.
      crl: readFileSync(crl(), 'utf8').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [],
    });
    const server = tls.createServer({ ...context(), requestCert: true, rejectUnauthorized: true }, socket => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 200 OK\r\n\r\nhello\n');
    });
    const port = await freePort();
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    servers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    });
    return {
      port,
      reload: () => {
        server.setSecureContext(context());
      },
    };
  }

  async function startNginx(): Promise<NonNullable<typeof nginx>> {
    const port = await freePort();
    const directory = join(base(), 'nginx');
    mkdirSync(join(directory, 'logs'), { recursive: true });
    const configuration = join(directory, 'nginx.conf');
    const at = (name: string): string => join(pki.directory, 'user-svc', name);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      name => `${name}_temp_path ${directory}/${name};`,
    );
    writeFileSync(
      configuration,
      `daemon off; pid ${directory}/nginx.pid; error_log ${directory}/error.log info; events {}
http { ${paths.join(' ')} access_log off;
  server { listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${at('cert.pem')}; ssl_certificate_key ${at('key.pem')};
    ssl_client_certificate ${pki.trust}; ssl_crl ${crl()}; ssl_verify_client on; ssl_verify_depth 2;
    location / { return 200 "hello\\n"; } } }\n`,
    );
    const args = ['-p', directory, '-c', configuration];
    const server = await startServer({
      command: requireTool('nginx'),
      args,
      directory,
      port,
      logFile: join(directory, 'error.log'),
    });
    servers.push(() => server.stop());
    return { port, server, reload: () => void printed('nginx', [...args, '-s', 'reload']) };
  }

  const call = (port: number, identity: Identity): Promise<Answer> => get({ port, trust: pki.trust, identity });
  const isServed = ({ text }: Answer): boolean => text.startsWith('HTTP/1.1 200 ') && text.endsWith('hello\n');
  const openssl = (identity: Identity, status: number): string =>
    printed(
      'openssl',
      [
        'verify',
        '-crl_check_all',
        '-CRLfile',
        crl(),
        '-CAfile',
        pki.trust,
        '-untrusted',
        join(pki.directory, 'authorities', 'site-a', 'cert.pem'),
        identity.certificate,
      ],
      { status },
    );

  it('is served before, everywhere', async () => {
    for (const { port } of [nodeServer, ...(nginx === undefined ? [] : [nginx])]) {
      expect(isServed(await call(port, revoked()))).toBe(true);
      expect(isServed(await call(port, pki.callers.allowed))).toBe(true);
    }
    openssl(revoked(), 0);
  });

  it('is refused by openssl verify -crl_check_all, and the others are not', async () => {
    await pki.mtlsctl('revoke', 'search-svc', '--reason', 'keyCompromise');
    expect(openssl(revoked(), 2)).toContain('error 23 at 0 depth lookup: certificate revoked');
    openssl(pki.callers.allowed, 0);
  });

  it('is refused by a running Node server with the new CRLs, which serves the others', async () => {
    expect(isServed(await call(nodeServer.port, revoked()))).toBe(true);
    nodeServer.reload();
    expect(isServed(await call(nodeServer.port, revoked()))).toBe(false);
    expect(isServed(await call(nodeServer.port, pki.callers.allowed))).toBe(true);
  });

  it.skipIf(lacksTool('nginx'))('is refused by nginx once it is reloaded, which serves the others', async () => {
    if (nginx === undefined) throw new Error('nginx was not started');
    const { port, server, reload } = nginx;
    const before = server.log().length;
    reload();
    await until(async () => !isServed(await call(port, revoked())), 'the revoked client to be refused');
    await untilLogged(server, before, /client SSL certificate verify error: \(23:certificate revoked\)/);
    expect(isServed(await call(port, pki.callers.allowed))).toBe(true);
  });
});

describe('the CRL as others read it', () => {
  const serial = (): string => pki.serial('search-svc');
  const number = (): number => Number(crlNumber(readCrls(readFileSync(siteCrl('pem')))[0] ?? { extensions: [] }));

  it('shows number, reason, key identifier and dates in openssl crl -text', () => {
    const text = printed('openssl', ['crl', '-in', siteCrl('pem'), '-noout', '-text']);
    const identifier = /X509v3 Subject Key Identifier: \n +(\S+)/.exec(
      printed('openssl', ['x509', '-in', join(pki.directory, 'authorities', 'site-a', 'cert.pem'), '-noout', '-text']),
    )?.[1];
    expect(text).toContain('Version 2 (0x1)');
    expect(text).toMatch(new RegExp(`X509v3 CRL Number: \n +${number()}\n`));
    expect(text).toMatch(new RegExp(`X509v3 Authority Key Identifier: \n +${identifier ?? 'none'}\n`));
    expect(text).toContain(`Serial Number: ${serial().toUpperCase()}\n`);
    expect(text).toMatch(/Key Compromise/);
    expect(text).toMatch(/Last Update: .* GMT\n +Next Update: .* GMT/);
    printed('openssl', [
      'crl',
      '-in',
      siteCrl('pem'),
      '-noout',
      '-CAfile',
      join(pki.directory, 'authorities', 'site-a', 'cert.pem'),
    ]);
  });

  it.skipIf(lacksTool('certtool'))('is the same to GnuTLS', () => {
    const text = printed('certtool', ['--crl-info', '--infile', siteCrl('pem')]);
    expect(text).toMatch(new RegExp(`Serial Number \\(hex\\): (?:00)?${serial()}\n`));
    expect(text).toMatch(new RegExp(`CRL Number \\(not critical\\): ${number().toString(16).padStart(2, '0')}`));
    expect(text).toMatch(/Revoked certificates \(1\)/);
    const chain = join(base(), 'authorities.pem');
    writeFileSync(
      chain,
      ['site-a', 'root']
        .map(name => readFileSync(join(pki.directory, 'authorities', name, 'cert.pem'), 'utf8'))
        .join(''),
    );
    expect(printed('certtool', ['--verify-crl', '--load-ca-certificate', chain, '--infile', siteCrl('pem')])).toMatch(
      /verified/i,
    );
  });

  it.skipIf(lacksTool('go'))(
    'is the same to Go',
    () => {
      const source = join(base(), 'read.go');
      writeFileSync(source, readCrlInGo);
      const env = { GO111MODULE: 'off', GOCACHE: join(base(), 'go-cache'), GOFLAGS: '', HOME: base() };
      const issuer = join(pki.directory, 'authorities', 'site-a', 'cert.pem');
      const lines = printed('go', ['run', source, siteCrl('der'), issuer], { env })
        .trimEnd()
        .split('\n');
      expect(lines).toEqual([`number ${number()}`, 'signed', `revoked ${serial().replace(/^0/, '')} 1`]);
    },
    240_000,
  );

  it('can be read from its two forms and from crl.pem, all the same', () => {
    const own = readCrls(readFileSync(siteCrl('der')))[0];
    expect(readCrls(readFileSync(siteCrl('pem'))).map(each => each.der)).toEqual([own?.der]);
    expect(readCrls(readFileSync(crl())).map(each => each.der)).toContainEqual(own?.der);
  });

  it('is refused by openssl once it has ended, and one that a web server hands out is DER', async () => {
    const out = join(base(), 'site-a.crl');
    await pki.mtlsctl('crl', 'site-a', '--out', out);
    expect(printed('openssl', ['crl', '-in', out, '-inform', 'DER', '-noout', '-crlnumber'])).toContain('crlNumber=0x');
    const later = String(Math.floor(Date.now() / 1000) + 2 * 86_400);
    const args = ['verify', '-crl_check_all', '-attime', later, '-CRLfile', crl(), '-CAfile', pki.trust];
    const leaf = identityOf(pki.directory, 'api-gateway').certificate;
    const untrusted = ['-untrusted', join(pki.directory, 'authorities', 'site-a', 'cert.pem')];
    expect(printed('openssl', [...args, ...untrusted, leaf], { status: 2 })).toContain('CRL has expired');
  });
});

const readCrlInGo = `package main

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	der, err := os.ReadFile(os.Args[1])
	must(err)
	list, err := x509.ParseRevocationList(der)
	must(err)
	fmt.Println("number", list.Number)
	text, err := os.ReadFile(os.Args[2])
	must(err)
	block, _ := pem.Decode(text)
	issuer, err := x509.ParseCertificate(block.Bytes)
	must(err)
	must(list.CheckSignatureFrom(issuer))
	fmt.Println("signed")
	for _, each := range list.RevokedCertificates {
		for _, extension := range each.Extensions {
			var reason asn1.Enumerated
			if _, err := asn1.Unmarshal(extension.Value, &reason); err == nil {
				fmt.Printf("revoked %x %d\\n", each.SerialNumber, reason)
			}
		}
	}
}
`;
