import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's own, which it lets a program have on demand only. Left to itself it waits until garbage is as much as what is in use, and then some: with lines of
 * many megabytes that is hundreds of them.
 */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
