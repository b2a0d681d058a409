import { type Facts, serviceFiles } from './facts.ts';
import { quote } from './quoting.ts';

/** A new key belongs to whoever renews it: before the server, which runs as another user, reads it, that user gets it. */
export function ownKeyAnd(user: string, reload: (facts: Facts) => string): (facts: Facts) => string {
  return facts => {
    const { key } = serviceFiles(facts.directory, facts.service);
    return `chown ${user}: ${quote(key, 'sh', '--dir')} && ${reload(facts)}`;
  };
}
