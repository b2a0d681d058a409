import { join } from 'node:path';
import { MtlsctlError } from '../errors.ts';
import { readLink, statPath } from '../file-operations.ts';

/** What one generation holds. */
export interface GenerationFiles {
  /** PEM: the leaf, then the intermediates. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM: the trust anchors. */
  readonly ca: string;
  /** What else service.yaml asks for. */
  readonly extra?: readonly ExtraFile[];
}

/** A further file of a generation, with a public link of its own. */
export interface ExtraFile {
  readonly name: string;
  readonly content: Uint8Array | string;
  readonly holdsKey: boolean;
}

/** Whose the files are that hold the key; what is undefined stays as it was. */
export interface KeyAccess {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Open to nobody but owner and group. */
  readonly mode?: number | undefined;
}

export interface InstallOptions {
  /** In milliseconds. */
  readonly now: number;
  readonly random: (count: number) => Uint8Array;
  readonly access?: KeyAccess;
  /** How long a generation stays after it was replaced, in milliseconds; 24 h unless told. */
  readonly overlap?: number;
  /**
   * Looks at the new generation (the path of its directory) as a consumer would, before any consumer can.
   * What it throws stops the installation.
   */
  readonly verify?: (generationDirectory: string) => Promise<void>;
  /** A file in the service's directory that is written just before the new generation is in force, and is as before where that fails; 0644. */
  readonly together?: { readonly name: string; readonly content: string };
}

export interface Installation {
  /** The name of the generation in force. */
  readonly generation: string;
  /** False where all three files were there already, and nothing was touched. */
  readonly changed: boolean;
}

/** In milliseconds. Readers may still open files in a generation that was replaced (Envoy does). */
export const defaultOverlap = 24 * 60 * 60 * 1000;

// The key first, so that no certificate is ever without its key.
export const files = [
  { part: 'key', name: 'key.pem', mode: 0o600 },
  { part: 'cert', name: 'cert.pem', mode: 0o644 },
  { part: 'ca', name: 'ca.pem', mode: 0o644 },
] as const;

/** One file of a generation. */
export interface GenerationFile {
  readonly name: string;
  readonly content: Uint8Array | string;
  readonly mode: number;
  readonly holdsKey: boolean;
}

/** All files of a generation, the key first. */
export function filesOf(content: GenerationFiles): readonly GenerationFile[] {
  const extra = content.extra ?? [];
  return [
    ...files.map(({ part, name, mode }) => ({ name, mode, content: content[part], holdsKey: part === 'key' })),
    ...extra.map(each => ({ ...each, mode: each.holdsKey ? 0o600 : 0o644 })),
  ];
}

/** The public names of all files that a generation may have besides the three. */
export const extraNames = ['combined.pem', 'keystore.p12', 'svid.pem', 'svid_key.pem', 'svid_bundle.pem'] as const;

/** Of what is written `together` with a generation. */
export const togetherMode = 0o644;

export const currentLink = '..data';

/** A link that is to become `..data`. While it is there, the generation it leads to is unfinished. */
export const nextPrefix = '..next-';

export const generationPattern = /^\.\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{4}$/;

/**
 * The name of the generation in force; undefined where nothing is installed.
 * Throws `malformed` where `..data` is something else than a link to a generation beside it, and `unreadable`.
 */
export function linkedGeneration(serviceDirectory: string): string | undefined {
  const path = join(serviceDirectory, currentLink);
  const target = readLink(path);
  if (target === undefined && statPath(path) === undefined) return undefined;
  if (target !== undefined && generationPattern.test(target)) return target;
  throw new MtlsctlError('malformed', `${path} does not lead to a generation in ${serviceDirectory}`, {
    hints: [`ls -la ${serviceDirectory}`],
    details: { path },
  });
}

/** When a generation was made, by its name, in milliseconds. */
export function instantOf(generation: string): number {
  const [, year, month, day, hour, minute, second] = (generationPattern.exec(generation) ?? []).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
