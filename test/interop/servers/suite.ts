import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedTemporaryDirectory } from '../../temporary.ts';
import { lacksTool } from '../requirements.ts';
import type { Answer, Call } from './exchange.ts';
import { underLoad } from './load.ts';
import { type Callers, identityOf, makeServerPki, type PrintedTemplate, type ServerPki } from './pki.ts';
import { childrenOf, freePort, isRunning, type RunningServer, until, untilLogged } from './processes.ts';
import { serverUser } from './users.ts';

/** What a test of one server has at hand. */
export interface World {
  readonly base: string;
  readonly pki: ServerPki;
  /** Where the server is to listen, and where what stands behind it. */
  readonly port: number;
  readonly upstream: number;
}

export interface Started {
  readonly server: RunningServer;
  readonly printed: PrintedTemplate;
  /** The PATH for the hook, with a systemctl that knows this server. */
  readonly path?: string;
  stop?(): Promise<void>;
}

type Refused = 'none' | 'stranger' | 'expired' | 'serverOnly' | 'leftOut' | 'revoked';

export interface ServerSuite {
  readonly name: string;
  readonly tools: readonly string[];
  /** The user that it runs as, if not root; its group gets to read the key, as the template says. */
  readonly user?: string;
  start(world: World): Promise<Started>;
  /** One request over a connection of its own. */
  call(call: Call): Promise<Answer>;
  isServed(answer: Answer): boolean;
  /** Whether a call came to nothing because the server had closed its port for a moment, as its template says: then it is made again. */
  isTurnedAway?(answer: Answer): boolean;
  /** What the server writes into its log; absent where it can't tell such a client from others, which then is served. */
  readonly reasons: Readonly<Partial<Record<Refused, RegExp>>>;
  /** What its own checker says of the printed configuration; throws where it complains. */
  check?(world: World, started: Started): void | Promise<void>;
  /** Whether a reload starts worker processes beside those before, which still take connections until they have heard of it. */
  readonly replacesWorkers?: boolean;
  /** Whether the reload is a function of the program itself rather than a command. */
  readonly reloads?: (started: Started) => void;
  readonly more?: (world: () => World, started: () => Started) => void;
}

const callerOf = {
  none: undefined,
  stranger: 'stranger',
  expired: 'expired',
  serverOnly: 'serverOnly',
  leftOut: 'leftOut',
} as const satisfies Readonly<Record<Exclude<Refused, 'revoked'>, keyof Callers | undefined>>;

/** Runs what holds for every server against one of them, with the configuration that mtlsctl prints and a directory that it made. */
export function describeServer(suite: ServerSuite): void {
  const base = sharedTemporaryDirectory();
  const missing = suite.tools.filter(lacksTool);
  const title = `${suite.name} with the printed configuration${missing.length === 0 ? '' : ` (needs ${missing.join(', ')})`}`;

  describe.skipIf(missing.length > 0)(title, () => {
    let world: World;
    let started: Started;
    let isStarted = false;

    beforeAll(async () => {
      // Servers that do not run as root have to get at their files.
      chmodSync(base(), 0o755);
      const pki = await makeServerPki(base());
      world = { base: base(), pki, port: await freePort(), upstream: await freePort() };
      if (suite.user !== undefined)
        await pki.mtlsctl('enroll', 'user-svc', '--group', suite.user, '--key-mode', '0640');
      started = await suite.start(world);
      isStarted = true;
      if (started.path !== undefined) pki.env['PATH'] = started.path;
      // Go compiles first.
    }, 180_000);

    afterAll(async () => {
      // What kept it from starting is told already.
      if (!isStarted) return;
      await started.server.stop();
      await started.stop?.();
    });

    const call = (caller?: keyof Callers): Promise<Answer> => {
      const { pki, port } = world;
      return suite.call({ port, trust: pki.trust, identity: caller && pki.callers[caller] });
    };

    if (suite.check !== undefined)
      it('is accepted by its own checker', async () => {
        await suite.check?.(world, started);
      });

    it('serves a client with its certificate', async () => {
      const answer = await call('allowed');
      expect(suite.isServed(answer), `${answer.text} ${answer.problem ?? ''} ${started.server.log()}`).toBe(true);
      expect(answer.serial).toBe(world.pki.serial('user-svc'));
    });

    it.each(Object.entries(callerOf))('does with a client of the kind "%s" as it is meant to', async (kind, caller) => {
      const reason = suite.reasons[kind as Refused];
      const before = started.server.log().length;
      const answer = await call(caller);
      expect(suite.isServed(answer)).toBe(reason === undefined);
      if (reason !== undefined) await untilLogged(started.server, before, reason);
    });

    it('goes on without a failed call while both certificates are renewed and the hook reloads it', async () => {
      const { pki } = world;
      const { reload } = started.printed;
      if (reload !== '') await pki.mtlsctl('enroll', 'user-svc', '--hook', reload);
      const load = await underLoad(
        async () => {
          for (let tries = 1; ; tries += 1) {
            const answer = await call('allowed');
            if (suite.isTurnedAway?.(answer) !== true || tries === 1000) return answer;
          }
        },
        answer => suite.isServed(answer),
        async ({ failures, serials }) => {
          for (let round = 0; round < 3; round += 1) {
            await pki.mtlsctl('renew', 'user-svc', 'api-gateway', '--force');
            suite.reloads?.(started);
            const serial = pki.serial('user-svc');
            await until(() => serials.has(serial) || failures.length > 0, 'the new serial on the wire');
          }
        },
      );
      expect(load.failures).toEqual([]);
      expect(load.serials.size).toBe(4);
    });

    const { user } = suite;
    if (user !== undefined) {
      it('may read a renewed key before any hook has run: it could be restarted just then', async () => {
        const { pki } = world;
        const text = Object.values(started.printed.parts).join('');
        expect(text).toContain(`enroll user-svc --group ${user} --key-mode 0640 --hook `);
        expect(started.printed.reload).not.toContain('chown');
        const seen = join(world.base, 'not-reloaded');
        await pki.mtlsctl('renew', 'user-svc', '--force', '--hook', `cp "$MTLSCTL_CERT" '${seen}'`);
        const { key } = identityOf(pki.directory, 'user-svc');
        const { status, stderr } = spawnSync('cat', [key], { encoding: 'utf8', ...serverUser(user) });
        expect(status, stderr).toBe(0);
        expect(statSync(key).mode & 0o037).toBe(0);
        expect(existsSync(seen)).toBe(true);
        runReload(started);
        await until(async () => (await call('allowed')).serial === pki.serial('user-svc'), 'the new certificate');
      });
    }

    suite.more?.(
      () => world,
      () => started,
    );

    it(
      suite.reasons.revoked === undefined
        ? 'knows no CRLs, and says so'
        : 'refuses a revoked client after revoke and the reload, and serves the others',
      async () => {
        const reason = suite.reasons.revoked;
        expect(suite.isServed(await call('revokedLater'))).toBe(true);
        await world.pki.mtlsctl('revoke', 'search-svc', '--reason', 'keyCompromise', '--yes');
        const workers = suite.replacesWorkers === true ? childrenOf(started.server.process) : [];
        expect(workers.length > 0).toBe(suite.replacesWorkers === true);
        const before = started.server.log().length;
        if (started.printed.reload !== '') runReload(started);
        suite.reloads?.(started);
        if (reason === undefined) {
          expect(Object.values(started.printed.parts).join('')).toMatch(/no CRLs?/);
          expect(suite.isServed(await call('revokedLater'))).toBe(true);
          return;
        }
        await until(() => !workers.some(isRunning), 'the workers of before the reload to end');
        const isRefused = async (): Promise<boolean> =>
          !suite.isServed(await call('revokedLater')) && reason.test(started.server.log().slice(before));
        await until(isRefused, `the revoked client to be refused: ${String(reason)}`);
        for (let again = 0; again < 3; again += 1) expect(suite.isServed(await call('revokedLater'))).toBe(false);
        expect(suite.isServed(await call('allowed'))).toBe(true);
      },
    );
  });
}

/** Runs the printed command as the timer for CRLs does. */
export function runReload({ path, printed }: Started): void {
  const { status, stderr, stdout } = spawnSync('sh', ['-c', printed.reload], {
    env: { ...process.env, ...(path !== undefined && { PATH: path }) },
    encoding: 'utf8',
  });
  expect(status, stdout + stderr).toBe(0);
}

/** The status of a checker, which has to be 0. */
export function mustAccept(command: string, args: readonly string[]): string {
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  return stdout + stderr;
}

export function inBase(world: World, name: string): string {
  return join(world.base, name);
}
