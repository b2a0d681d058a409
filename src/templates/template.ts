import type { Facts } from './facts.ts';
import type { QuoterName } from './quoting.ts';
import type { Values } from './render.ts';

/** A configuration that mtlsctl can print: data in templates/<name>/, and what is put into it. */
export interface Template {
  /** One line for the list. */
  readonly summary: string;
  readonly parts: readonly Part[];
  /** The flags that it takes. Where `service` is one of them, it is about one service. */
  readonly takes: readonly TemplateFlag[];
  /** Where the server listens, and what stands behind it, unless a flag says otherwise. */
  readonly listen?: string;
  readonly upstream?: string;
  /** The shell command by which the server reads its files anew; also the hook that is suggested. */
  readonly reload?: (facts: Facts) => string;
  /** Whether the server looks at CRLs, and whether it keeps callers out that are not on the allow-list. */
  readonly checksCrl?: boolean;
  /** Whether the service calls its peer, instead of being called by it. */
  readonly calls?: boolean;
  readonly enforcesAllow?: boolean;
  /** A further file of the service (`outputs` in service.yaml) that the server reads instead of the pair. */
  readonly output?: 'combined';
  /** What is there to be put in besides what all templates have (values.ts). */
  readonly values?: (facts: Facts) => Values;
}

/** One file of a configuration. */
export interface Part {
  readonly name: string;
  /** Where it goes: told to the reader, never written. `@service@` stands for the service. */
  readonly file: string;
  readonly format: QuoterName;
  /** What begins a comment. */
  readonly comment: '#' | '//' | ';';
  readonly text: string;
}

export type TemplateFlag =
  'service' | 'peer' | 'listen' | 'upstream' | 'connect' | 'program' | 'caPassphraseFile' | 'metricsFile' | 'hook';
