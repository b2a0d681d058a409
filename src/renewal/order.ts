/** What a run of renewals is given from outside. */
export interface RenewalOrder {
  readonly directory: string;
  /** The name of this machine, where it has one. */
  readonly host: string | undefined;
  /** None stands for all that there are. */
  readonly services: readonly string[];
  readonly force: boolean;
  readonly reuseKey: boolean;
  readonly hook: string | undefined;
  /** An unattended run leaves what failed alone for a while. */
  readonly isPatient: boolean;
  /** How long another process that is at a service is waited for, in milliseconds; half a minute unless told. */
  readonly lockPatience?: number;
  /** Nothing at all is written, nor remembered. */
  readonly isReadOnly?: boolean;
  /** What is remembered of a service does not do. */
  readonly mustLook?: boolean;
  /** Whether a signal has said that nothing more is to be begun. */
  isStopped?(): boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** That of leaves' keys that are encrypted. */
  leafPassphrase(): Promise<Uint8Array | undefined>;
  /** Asked for only when an encrypted key has to sign. */
  caPassphrase(authority: string): Promise<Uint8Array>;
  now(): number;
  random(count: number): Uint8Array;
}
