import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedTemporaryDirectory } from '../../temporary.ts';
import { lacksTool, requireTool } from '../requirements.ts';
import { type Answer, get } from './exchange.ts';
import { underLoad } from './load.ts';
import { type Identity, makeServerPki, oddDirectory, type PrintedTemplate, type ServerPki } from './pki.ts';
import { fakeSystemctl, freePort, type RunningServer, startServer, until, untilLogged } from './processes.ts';

const base = sharedTemporaryDirectory();

describe.skipIf(lacksTool('nginx'))('nginx with the printed configuration', () => {
  let pki: ServerPki;
  let nginx: RunningServer;
  let port: number;
  let printed: PrintedTemplate;
  let path: string;
  let configuration: string;

  beforeAll(async () => {
    pki = await makeServerPki(base());
    port = await freePort();
    const upstream = await freePort();
    printed = await pki.template(
      ...['nginx', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`, '--upstream', `127.0.0.1:${upstream}`],
    );
    configuration = join(base(), 'nginx.conf');
    writeFileSync(join(base(), 'user-svc.conf'), printed.parts['server'] ?? '');
    writeFileSync(configuration, mainConfiguration(base(), upstream));
    mkdirSync(join(base(), 'logs'));
    path = fakeSystemctl(base(), { 'reload nginx': `exec ${requireTool('nginx')} ${nginxArgs().join(' ')} -s reload` });
    const logFile = join(base(), 'nginx.log');
    nginx = await startServer({ command: requireTool('nginx'), args: nginxArgs(), directory: base(), logFile, port });
  });

  afterAll(async () => {
    await nginx.stop();
  });

  const nginxArgs = (): readonly string[] => ['-p', base(), '-c', configuration];
  const call = (identity?: Identity): Promise<Answer> => get({ port, trust: pki.trust, identity });
  const isServed = (answer: Answer): boolean =>
    answer.text.startsWith('HTTP/1.1 200 ') && answer.text.endsWith('hello\n');
  const reload = (): void => {
    const { status, stderr } = spawnSync('sh', ['-c', printed.reload], { env: { PATH: path }, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  };

  it('is accepted by nginx -t', () => {
    const { status, stderr } = spawnSync(requireTool('nginx'), [...nginxArgs(), '-t'], { encoding: 'utf8' });
    expect(stderr).toContain('test is successful');
    expect(stderr).not.toContain('warn');
    expect(status).toBe(0);
  });

  it('is accepted for a directory and names that need quotes, and for long names', async () => {
    const directory = oddDirectory(pki, `it's "odd" #1; {é} \\ %n `);
    const long = 'n'.repeat(63);
    for (const service of ['user-svc', long]) {
      await pki.mtlsctl('enroll', service);
      const { parts } = await pki.templateFor(
        directory,
        'nginx',
        '--service',
        service,
        '--listen',
        `127.0.0.1:${port}`,
      );
      const other = join(base(), 'odd.conf');
      writeFileSync(other, `events {}\nhttp {\n${parts['server'] ?? ''}}\n`);
      const { status, stderr } = spawnSync(requireTool('nginx'), ['-p', base(), '-t', '-c', other], {
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(0);
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('serves a client with its certificate, over %s', async maxVersion => {
    const answer = await get({ port, trust: pki.trust, identity: pki.callers.allowed, maxVersion });
    expect(answer.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.text).toContain('CN=api-gateway.link.internal hello\n');
    expect(answer.serial).toBe(pki.serial('user-svc'));
  });

  it.each([
    ['without a certificate', undefined, /client sent no required SSL certificate/],
    ['with one of another CA', 'stranger', /verify error: \((?:2|3|18|19|20|21):(?:unable to get|self)/],
    ['with an expired one', 'expired', /client SSL certificate verify error: \(10:certificate has expired\)/],
    ['with a server-only one', 'serverOnly', /client SSL certificate verify error: \(26:uns\w+ certificate purpose\)/],
    ['that the allow-list leaves out', 'leftOut', /access: CN=intruder\.link\.internal SUCCESS 403/],
  ] as const)('refuses a client %s', async (_, caller, reason) => {
    const before = nginx.log().length;
    const answer = await call(caller && pki.callers[caller]);
    expect(isServed(answer)).toBe(false);
    await untilLogged(nginx, before, reason);
  });

  it('goes on without a failed request while both certificates are renewed and it reloads', async () => {
    const load = await underLoad(
      () => call(pki.callers.allowed),
      isServed,
      async ({ serials }) => {
        for (let round = 0; round < 3; round += 1) {
          await pki.mtlsctl('enroll', 'user-svc', 'api-gateway', '--force');
          reload();
          const serial = pki.serial('user-svc');
          await until(() => serials.has(serial), 'the new serial on the wire');
        }
      },
    );
    expect(load.failures).toEqual([]);
    expect(load.serials.size).toBe(4);
  });
});

/** What stands around the printed part in Debian's nginx.conf, with a service behind it and all paths in the temporary directory. */
function mainConfiguration(directory: string, upstream: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `    ${name}_temp_path ${directory}/${name};`,
  );
  return `daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log info;
worker_processes 2;
events { worker_connections 256; }
http {
${temporary.join('\n')}
    log_format verdict 'access: $ssl_client_s_dn $ssl_client_verify $status';
    access_log ${directory}/nginx.log verdict;
    include ${directory}/user-svc.conf;
    server {
        listen 127.0.0.1:${upstream};
        location / { return 200 "$http_x_client_subject hello\\n"; }
    }
}
`;
}
