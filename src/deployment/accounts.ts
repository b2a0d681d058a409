import * as fs from 'node:fs';
import { systemErrorCode } from '../errors.ts';

const databases = { group: '/etc/group', user: '/etc/passwd' } as const;

/** The number of a user or group: it is given as one, or the machine's own files know the name. Undefined where they do not. */
export function accountId(kind: keyof typeof databases, name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const fields = linesOf(databases[kind])
    .map(line => line.split(':'))
    .find(each => each[0] === name);
  const id = fields?.[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}

function linesOf(path: string): readonly string[] {
  try {
    return fs.readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}
