import { readConfig } from '../authority/configuration.ts';
import { openAuthorityKey } from '../authority/authority.ts';
import type { AuthorityTargets } from '../authority/revocation-targets.ts';
import { changeRevocations, type RevocationChange, type RevocationResult } from '../authority/revoke.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Signer } from '../keys/signer.ts';
import type { CommandContext } from './command.ts';

/** An authority at which nothing, or not all, could be done. */
export interface AuthorityFailure {
  readonly authority: string;
  readonly error: MtlsctlError;
}

export interface OpenTargets {
  readonly targets: AuthorityTargets;
  /** Undefined to change nothing and only say what would be. */
  readonly signer: Signer | undefined;
}

/**
 * Opens the keys before anything is changed. An authority whose key can't be used does not keep what others have issued from being revoked; where
 * it is the only one its failure is thrown.
 */
export async function openKeys(
  found: readonly AuthorityTargets[],
  passphrase: (authority: string) => Promise<Uint8Array>,
): Promise<{ opened: readonly OpenTargets[]; failures: readonly AuthorityFailure[] }> {
  const opened: OpenTargets[] = [];
  const failures: AuthorityFailure[] = [];
  for (const targets of found) {
    const { authority } = targets;
    try {
      opened.push({ targets, signer: await openAuthorityKey(authority, () => passphrase(authority.name)) });
    } catch (error) {
      if (!isMtlsctlError(error)) throw error;
      const advised = withAdvice(error, authority.name, found.length > 1);
      if (found.length === 1) throw advised;
      failures.push({ authority: authority.name, error: advised });
    }
  }
  return { opened, failures };
}

function withAdvice(error: MtlsctlError, authority: string, isOneOfSeveral: boolean): MtlsctlError {
  const { code, message, details } = error;
  const hints = code === 'key-missing' ? ['revoke where the key is, and carry the CRL here'] : error.hints;
  const isPassphrase = code === 'passphrase-missing' || code === 'passphrase-wrong';
  const alone =
    isOneOfSeveral && isPassphrase ? [`for those of '${authority}' alone: add --authority ${authority}`] : [];
  return new MtlsctlError(code, message, { hints: [...hints, ...alone], details, cause: error });
}

/**
 * Changes what is revoked at one authority after the other. One that fails does not keep the others from it; where it is the only one its failure
 * is thrown, unless `mustTell`: then something was done before that has to be told.
 */
export async function changeEach(
  { directory, system, yes }: CommandContext,
  open: readonly OpenTargets[],
  { change, mustTell }: { readonly change: RevocationChange; readonly mustTell: boolean },
): Promise<{ results: readonly RevocationResult[]; failures: readonly AuthorityFailure[] }> {
  const config = await readConfig(directory);
  const results: RevocationResult[] = [];
  const failures: AuthorityFailure[] = [];
  for (const { targets, signer } of open) {
    try {
      const order = { directory, targets, change, config, signer, now: system.now(), acceptClock: yes };
      results.push(await changeRevocations(order));
    } catch (error) {
      if (!isMtlsctlError(error) || (open.length === 1 && !mustTell)) throw error;
      failures.push({ authority: targets.authority.name, error });
    }
  }
  return { results, failures };
}
