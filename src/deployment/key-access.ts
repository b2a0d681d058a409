import * as fs from 'node:fs';
import { join } from 'node:path';
import type { ServiceFile } from '../config/service-file.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { changeGroup, changeMode, changeOwner, perform, statPath } from '../file-operations.ts';
import { accountId } from './accounts.ts';
import { extraNames, type KeyAccess, linkedGeneration } from './generation-layout.ts';

/**
 * Gives an open file to whom it is wanted for, and tells what was refused. Where its group can't be given, the file stays its owner's alone:
 * another group may not read it.
 */
export function giveAccess(file: number, path: string, { uid, gid, mode }: KeyAccess): readonly MtlsctlError[] {
  const group = refusal(() => {
    if (gid !== undefined) changeGroup(file, path, gid);
  });
  const rights = refusal(() => {
    const allowed = mode === undefined || group === undefined ? mode : mode & 0o700;
    if (allowed !== undefined && (fs.fstatSync(file).mode & 0o777) !== allowed) changeMode(file, path, allowed);
  });
  // The last, since whoever is not root may not change what is another's.
  const owner = refusal(() => {
    if (uid !== undefined) changeOwner(file, path, uid);
  });
  return [group, rights, owner].flatMap(error => (error === undefined ? [] : [error]));
}

function refusal(change: () => void): MtlsctlError | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (isMtlsctlError(error)) return error;
    throw error;
  }
}

type AskedAccess = Pick<ServiceFile, 'group' | 'keyMode' | 'owner'>;

/** Who service.yaml says the key is for. A name that this machine does not know is no reason to leave a service without a certificate. */
export function accessOf({ owner, group, keyMode }: AskedAccess): { access: KeyAccess; warnings: readonly string[] } {
  const uid = owner === undefined ? undefined : accountId('user', owner);
  const gid = group === undefined ? undefined : accountId('group', group);
  const isLost = group !== undefined && gid === undefined;
  return {
    access: { uid, gid, mode: isLost && keyMode !== undefined ? keyMode & 0o700 : keyMode },
    warnings: [
      ...(owner !== undefined && uid === undefined ? [unknownAccount('user', owner)] : []),
      ...(isLost ? [unknownAccount('group', group)] : []),
    ],
  };
}

function unknownAccount(kind: 'group' | 'user', name: string): string {
  const [file, key, flag] = kind === 'user' ? ['/etc/passwd', 'owner', '-u'] : ['/etc/group', 'group', '-g'];
  return `${file} has no ${kind} '${name}': make it, or give service.yaml its number as '${key}' (id ${flag} ${name})`;
}

/**
 * Gives the files in force that hold the key to whom service.yaml says, where they are not yet: it takes no new certificate, and no new
 * generation. Returns what was refused, for a person.
 */
export function settleAccess(serviceDirectory: string, asked: AskedAccess): readonly string[] {
  if (asked.owner === undefined && asked.group === undefined && asked.keyMode === undefined) return [];
  const { access, warnings } = accessOf(asked);
  const generation = refusalOr(() => linkedGeneration(serviceDirectory));
  // What is wrong with the link is told by who looks at the certificate.
  if (typeof generation !== 'string') return warnings;
  const directory = join(serviceDirectory, generation);
  const open = [serviceDirectory, directory].find(path => !isOurs(path));
  if (open !== undefined) return [...warnings, exchangeable(open)];
  const refused = ['key.pem', ...extraNames.filter(name => name !== 'svid.pem' && name !== 'svid_bundle.pem')].flatMap(
    name => settleFile(join(directory, name), access),
  );
  return [...warnings, ...refused.slice(0, 1).map(warningOf)];
}

/**
 * Whether nobody but who runs this, and root, can put something else in the place of what lies in a directory. Where others can, a file that is
 * given away by its path may be another by then: the key of an authority.
 */
function isOurs(directory: string): boolean {
  const stat = statPath(directory);
  const isOwn = stat?.uid === 0 || stat?.uid === process.geteuid?.();
  return stat?.isDirectory() === true && isOwn && (stat.mode & 0o022) === 0;
}

function exchangeable(directory: string): string {
  return `${directory} can be written by others: whose the key there is stays as it is, though service.yaml says otherwise; chown it to who runs mtlsctl, and chmod go-w it`;
}

function settleFile(path: string, access: KeyAccess): readonly MtlsctlError[] {
  const stat = statPath(path);
  // A second name may stand in a directory of another's.
  if (stat?.isFile() !== true || stat.nlink > 1 || fits(stat, access)) return [];
  const open = refusalOr(() =>
    perform('open', path, () =>
      fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK),
    ),
  );
  if (typeof open !== 'number') return [open];
  try {
    return giveAccess(open, path, access);
  } finally {
    fs.closeSync(open);
  }
}

function refusalOr<T>(action: () => T): MtlsctlError | T {
  try {
    return action();
  } catch (error) {
    if (isMtlsctlError(error)) return error;
    throw error;
  }
}

function fits(stat: fs.Stats, { uid, gid, mode }: KeyAccess): boolean {
  return (
    (uid === undefined || stat.uid === uid) &&
    (gid === undefined || stat.gid === gid) &&
    (mode === undefined || (stat.mode & 0o777) === mode)
  );
}

function warningOf({ message, details }: MtlsctlError): string {
  const what = details['operation'] === 'chown' ? 'its owner and group stay as they are' : 'its mode stays as it is';
  return `${message}: ${what}, though service.yaml says otherwise`;
}
