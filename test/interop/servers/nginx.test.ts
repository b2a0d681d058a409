import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { get } from './exchange.ts';
import { oddDirectory } from './pki.ts';
import { fakeSystemctl, startServer } from './processes.ts';
import { describeServer, inBase, mustAccept, type World } from './suite.ts';

describeServer({
  name: 'nginx',
  tools: ['nginx'],
  async start(world) {
    const { base, pki, port, upstream } = world;
    const printed = await pki.template(
      ...['nginx', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`, '--upstream', `127.0.0.1:${upstream}`],
    );
    writeFileSync(inBase(world, 'user-svc.conf'), printed.parts['server'] ?? '');
    writeFileSync(inBase(world, 'nginx.conf'), mainConfiguration(base, upstream));
    mkdirSync(inBase(world, 'logs'));
    const path = fakeSystemctl(base, {
      'reload nginx': `exec ${requireTool('nginx')} ${nginxArgs(world).join(' ')} -s reload`,
    });
    const order = { command: requireTool('nginx'), args: nginxArgs(world), directory: base, port };
    return { server: await startServer({ ...order, logFile: inBase(world, 'nginx.log') }), printed, path };
  },
  call: get,
  replacesWorkers: true,
  isServed: ({ text }) => text.startsWith('HTTP/1.1 200 ') && /CN=[a-z-]+\.link\.internal hello\n$/.test(text),
  reasons: {
    none: /client sent no required SSL certificate/,
    // OpenSSL goes on after the missing issuer, and names the CRL that is missing too.
    stranger: /verify error: \((?:2|3|18|19|20|21):(?:unable to get|self)/,
    expired: /verify error: \(10:certificate has expired\)/,
    serverOnly: /verify error: \(26:uns\w+ certificate purpose\)/,
    leftOut: /access: CN=intruder\.link\.internal SUCCESS 403/,
    revoked: /verify error: \(23:certificate revoked\)/,
  },
  check(world) {
    const said = mustAccept(requireTool('nginx'), [...nginxArgs(world), '-t']);
    expect(said).toContain('test is successful');
    expect(said).not.toContain('warn');
  },
  more(world) {
    it('is accepted for a directory and names that need quotes, and for long names', async () => {
      const { base, pki, port } = world();
      const directory = oddDirectory(pki, `it's "odd" #1; {é} \\ %n `);
      for (const service of ['user-svc', 'n'.repeat(63)]) {
        await pki.mtlsctl('enroll', service);
        const args = ['--service', service, '--listen', `127.0.0.1:${port}`] as const;
        const { parts } = await pki.templateFor(directory, 'nginx', ...args);
        const other = inBase(world(), 'odd.conf');
        writeFileSync(other, `events {}\nhttp {\n${parts['server'] ?? ''}}\n`);
        mustAccept(requireTool('nginx'), ['-p', base, '-t', '-c', other]);
      }
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async maxVersion => {
      const { pki, port } = world();
      const answer = await get({ port, trust: pki.trust, identity: pki.callers.allowed, maxVersion });
      expect(answer.text).toContain('CN=api-gateway.link.internal hello\n');
    });
  },
});

function nginxArgs(world: World): readonly string[] {
  return ['-p', world.base, '-c', inBase(world, 'nginx.conf')];
}

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
