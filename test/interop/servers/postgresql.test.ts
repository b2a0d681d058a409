import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { type Answer, type Call, exchange } from './exchange.ts';
import { allowed, oddDirectory } from './pki.ts';
import { fakeSystemctl, startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';
import { giveTo, serverUser } from './users.ts';

const query = "select 'served'";

describeServer({
  name: 'PostgreSQL',
  tools: ['postgres', 'initdb', 'pg_ctl', 'psql'],
  user: 'postgres',
  async start(world) {
    const { base, pki, port } = world;
    const user = serverUser('postgres');
    const printed = await pki.template('postgresql', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    const data = inBase(world, 'data');
    mkdirSync(data, { mode: 0o700 });
    const sockets = inBase(world, 'sockets');
    mkdirSync(sockets);
    giveTo(user, data, sockets);
    const run = (command: string, args: readonly string[]): void => {
      const { status, stdout, stderr } = spawnSync(requireTool(command), args, {
        cwd: data,
        encoding: 'utf8',
        ...user,
      });
      expect(status, stdout + stderr).toBe(0);
    };
    run('initdb', [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=trust',
      '--no-sync',
      '--no-instructions',
      '-E',
      'UTF8',
      '--locale=C',
    ]);
    const place = (name: string, text: string): void => {
      writeFileSync(join(data, name), text);
      giveTo(user, join(data, name));
    };
    const settings = `unix_socket_directories = '${sockets}'\nfsync = off\nlog_min_messages = info\n`;
    place('postgresql.conf', settings + (printed.parts['postgresql'] ?? ''));
    place('pg_hba.conf', `local all postgres trust\n${printed.parts['pg_hba'] ?? ''}`);
    place('pg_ident.conf', printed.parts['pg_ident'] ?? '');
    const pgCtl = `${requireTool('pg_ctl')} reload -D ${data}`;
    const drop = user === undefined ? '' : `setpriv --reuid ${user.uid} --regid ${user.gid} --clear-groups `;
    const path = fakeSystemctl(base, { 'reload postgresql': `exec ${drop}${pgCtl}` });
    const order = { command: requireTool('postgres'), args: ['-D', data], directory: data, port };
    const server = await startServer({ ...order, stopSignal: 'SIGINT', ...(user && { user }) });
    const roles = [...allowed, 'intruder'].map(name => `create role "${name}" login;`).join(' ');
    run('psql', ['-h', sockets, '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-qc', roles]);
    return { server, printed, path };
  },
  call: select,
  isServed: ({ text }) => text.includes('served'),
  reasons: {
    none: /FATAL: {2}connection requires a valid client certificate/,
    stranger: /could not accept SSL connection: certificate verify failed/,
    expired: /could not accept SSL connection: certificate verify failed/,
    serverOnly: /could not accept SSL connection: certificate verify failed/,
    leftOut: /no match in usermap "mtlsctl" for user "\S+" authenticated as "intruder\.link\.internal"/,
    revoked: /could not accept SSL connection: certificate verify failed/,
  },
  more(world, started) {
    it('lets psql in with the printed connection', () => {
      const file = inBase(world(), 'pg_service.conf');
      writeFileSync(file, (started().printed.parts['client'] ?? '').replace(/^host=/m, 'hostaddr=127.0.0.1\n$&'));
      const sql = `${query}; select version, client_dn from pg_stat_ssl where pid = pg_backend_pid()`;
      const { status, stdout, stderr } = spawnSync(requireTool('psql'), ['service=user-svc', '-Atc', sql], {
        env: { ...process.env, PGSERVICEFILE: file },
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(0);
      expect(stdout).toBe('served\nTLSv1.3|/CN=api-gateway.link.internal\n');
    });

    it('reads paths that need quotes as they are meant', async () => {
      const { pki } = world();
      const directory = oddDirectory(pki, `it's "odd" #1; $x {é} \\ %n `);
      const { parts } = await pki.templateFor(directory, 'postgresql', '--service', 'user-svc');
      const file = inBase(world(), 'odd.conf');
      writeFileSync(file, parts['postgresql'] ?? '');
      const user = serverUser('postgres');
      const args = ['-D', inBase(world(), 'data'), '-C', 'ssl_key_file', '-c', `config_file=${file}`];
      const { stdout, stderr } = spawnSync(requireTool('postgres'), args, { encoding: 'utf8', ...user });
      expect(stdout, stderr).toBe(`${directory}/user-svc/key.pem\n`);
    });

    it.each([
      ['another role than its own', 'user=web'],
      ['no TLS', 'sslmode=disable'],
    ])('refuses psql with %s', (_, setting) => {
      const file = inBase(world(), 'pg_service.conf');
      const args = [`service=user-svc ${setting}`, '-Atc', query];
      const { status } = spawnSync(requireTool('psql'), args, { env: { ...process.env, PGSERVICEFILE: file } });
      expect(status).toBe(2);
    });
  },
});

/** A query over a connection of its own, as the role of the client's name (PostgreSQL's protocol, version 3). */
function select(call: Call): Promise<Answer> {
  const role = call.identity?.certificate.split('/').at(-2) ?? 'api-gateway';
  const startup = message('', `\0\x03\0\0user\0${role}\0database\0postgres\0\0`);
  const wanted = Buffer.concat([startup, message('Q', `${query}\0`), message('X', '')]);
  const upgrade: NonNullable<Call['upgrade']> = async socket => {
    await once(socket, 'connect');
    socket.write(message('', '\x04\xd2\x16\x2f'));
    await once(socket, 'data');
    socket.removeAllListeners('data');
  };
  return exchange({ ...call, upgrade }, wanted);
}

function message(type: string, content: string): Buffer {
  const body = Buffer.from(content, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}
