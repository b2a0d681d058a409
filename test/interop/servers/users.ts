import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user that a server runs as, since it refuses to be root; undefined where the test is not root itself and runs it as its own user. */
export function serverUser(name: string): User | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const id = (flag: string): number => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`there is no user ${name}, whom its package makes`);
    return Number(stdout);
  };
  return { uid: id('-u'), gid: id('-g') };
}

export function giveTo(user: User | undefined, ...paths: readonly string[]): void {
  if (user !== undefined) for (const path of paths) chownSync(path, user.uid, user.gid);
}
