import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { renewAll } from '../../../src/renewal/look.ts';
import { serialHex } from '../../../src/x509/certificate.ts';
import { makeIntermediate, makeRoot } from '../../authority/pki.ts';
import { certificateOf, enrollAt, renewalOrder, summary } from '../../renewal/pki.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { lacksTool, requireTool } from '../requirements.ts';

const temporary = temporaryDirectory();
const pki = (): string => join(temporary(), 'pki');
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise(resolve => child.on('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }
});

interface Talking {
  readonly child: ChildProcess;
  readonly said: () => readonly string[];
}

function start(program: string, ...args: readonly string[]): Talking {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: () => text.split('\n').slice(0, -1) };
}

const script = (name: string): string => join(import.meta.dirname, name);

async function startNodeServer(): Promise<Talking & { readonly port: number }> {
  const server = start(process.execPath, script('server.mjs'), join(pki(), 'node-server'));
  await expect.poll(server.said).toContainEqual(expect.stringMatching(/^port /));
  return { ...server, port: Number(server.said()[0]?.slice(5)) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** In the foreground, with all that it writes in the test's directory. */
async function startNginx(): Promise<{ readonly port: number; readonly pidFile: string }> {
  const port = await freePort();
  const directory = join(temporary(), 'nginx');
  mkdirSync(directory);
  const at = (name: string): string => join(directory, name);
  const service = join(pki(), 'nginx-server');
  writeFileSync(
    at('nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 2; pid ${at('pid')}; error_log ${at('error.log')};
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${at('body')}; proxy_temp_path ${at('proxy')}; fastcgi_temp_path ${at('fastcgi')}; uwsgi_temp_path ${at('uwsgi')}; scgi_temp_path ${at('scgi')};
  server {
    listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${service}/cert.pem; ssl_certificate_key ${service}/key.pem;
    ssl_client_certificate ${service}/ca.pem; ssl_verify_client on; ssl_verify_depth 2;
    location / { return 200 "ok"; }
  }
}
`,
  );
  start(requireTool('nginx'), '-e', at('error.log'), '-c', at('nginx.conf'));
  await expect.poll(() => readText(at('pid'))).toMatch(/^\d+\n$/);
  return { port, pidFile: at('pid') };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

it.skipIf(lacksTool('nginx'))(
  'renews servers and client twenty times under load, and no request fails',
  { timeout: 240_000 },
  async () => {
    const clock = { now: Date.now() };
    await makeRoot(pki(), clock);
    await makeIntermediate(pki(), clock);
    await enrollAt(pki(), clock, ['node-server', 'nginx-server', 'client']);
    const [node, nginx] = [await startNodeServer(), await startNginx()];
    const client = start(
      process.execPath,
      script('client.mjs'),
      join(pki(), 'client'),
      `node-server:${node.port}`,
      `nginx-server:${nginx.port}`,
    );
    const hooks: Readonly<Record<string, string>> = {
      'node-server': `kill -HUP ${node.child.pid}`,
      'nginx-server': `kill -HUP $(cat ${nginx.pidFile})`,
      client: `kill -HUP ${client.child.pid}`,
    };
    for (const [service, hook] of Object.entries(hooks)) {
      writeFileSync(
        join(pki(), service, 'service.yaml'),
        `profile: service\nauthority: site-a\nhook: ${JSON.stringify(hook)}\n`,
      );
    }
    const serial = (service: string): string => serialHex(certificateOf(pki(), service).serialNumber);
    const allSeen = async (): Promise<void> => {
      await expect.poll(client.said, { timeout: 20_000 }).toContain(`server node-server ${serial('node-server')}`);
      await expect.poll(client.said, { timeout: 20_000 }).toContain(`server nginx-server ${serial('nginx-server')}`);
      await expect.poll(node.said, { timeout: 20_000 }).toContain(`client ${serial('client')}`);
    };
    await allSeen();
    for (let round = 0; round < 20; round += 1) {
      const look = await renewAll(renewalOrder(pki(), clock, { force: true }));
      expect(summary(look)).toEqual(
        ['client', 'nginx-server', 'node-server'].map(service => `${service}: renewed (forced)`),
      );
      await allSeen();
    }
    client.child.kill('SIGTERM');
    await expect.poll(client.said, { timeout: 20_000 }).toContainEqual(expect.stringMatching(/^answered /));
    expect(client.said().filter(line => line.startsWith('failed'))).toEqual([]);
    expect(client.said().at(-1)).toMatch(/^answered \d{3,}, failed 0$/);
    expect(client.said().filter(line => line.startsWith('server nginx-server'))).toHaveLength(21);
  },
);
