import { join } from 'node:path';
import { listNames, readLink, removeFile, removeTree } from '../file-operations.ts';
import { generationPattern, instantOf, linkedGeneration, nextPrefix } from './generation-layout.ts';

/**
 * Removes what killed installations left, and generations replaced longer ago than the overlap, but never the one in force and the one
 * before it. `now` and `overlap` in milliseconds. Callers hold the service's lock. Returns the names removed. Throws `unwritable`, `malformed`.
 */
export function prune(serviceDirectory: string, now: number, overlap: number): readonly string[] {
  const current = linkedGeneration(serviceDirectory);
  const names = listNames(serviceDirectory) ?? [];
  const unfinished = names
    .filter(name => name.startsWith(nextPrefix))
    .flatMap(name => removeUnfinished(serviceDirectory, name, current));
  const generations = names.filter(name => generationPattern.test(name) && !unfinished.includes(name)).sort();
  const previous = generations.filter(name => current !== undefined && name < current).at(-1);
  const outdated = generations.filter((name, index) => {
    const replacedAt = instantOf(generations[index + 1] ?? name);
    // One of a time that is far ahead was made by a clock that was wrong.
    return name !== current && name !== previous && Math.abs(now - replacedAt) > overlap;
  });
  for (const name of outdated) removeTree(join(serviceDirectory, name));
  return [...unfinished, ...outdated];
}

/** The link decides between us and an installation that finishes just now: it is either removed here or renamed there. */
function removeUnfinished(serviceDirectory: string, name: string, current: string | undefined): readonly string[] {
  const link = join(serviceDirectory, name);
  const target = readLink(link);
  if (target === undefined || !removeFile(link)) return [];
  if (!generationPattern.test(target) || target === current) return [];
  removeTree(join(serviceDirectory, target));
  return [target];
}
