/**
 * The codes of everything that mtlsctl can fail with, in alphabetical order, each with its exit status (CLI.md, "exit status").
 * They are part of the interface: scripts match on them, so a code is never renamed.
 */
const exitStatusByCode = {
  'already-exists': 4,
  'ambiguous-authority': 2,
  'authority-missing': 3,
  'authority-revoked': 4,
  'bad-value': 2,
  bug: 70,
  'ca-unreachable': 6,
  'certificate-refused': 4,
  'clock-wrong': 4,
  'config-invalid': 3,
  'connection-failed': 3,
  'constraint-violation': 4,
  'crl-refused': 4,
  declined: 4,
  expired: 4,
  'hook-failed': 7,
  interrupted: 130,
  'issued-certificate-refused': 4,
  'key-malformed': 5,
  'key-mismatch': 5,
  'key-missing': 5,
  'key-shared': 4,
  'key-unsupported': 5,
  'ledger-corrupt': 3,
  'lifetime-refused': 4,
  'lock-held': 9,
  malformed: 3,
  'name-refused': 4,
  'needs-answer': 2,
  'not-found': 3,
  'not-issued': 4,
  'not-valid': 1,
  'partial-failure': 8,
  'passphrase-missing': 5,
  'passphrase-wrong': 5,
  'policy-refused': 4,
  'request-signature-invalid': 4,
  'too-large': 3,
  'unknown-root': 4,
  unreadable: 3,
  unwritable: 3,
  usage: 2,
} as const;

export type ErrorCode = keyof typeof exitStatusByCode;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(exitStatusByCode, text);
}

/** Facts about a failure, for scripts; never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface ErrorOptions {
  /** Commands to type or files to look at, one a line, without the prefix `hint:`. */
  readonly hints?: readonly string[];
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The one error class: something that could not be done, for a reason the user can act on.
 * Whatever else is thrown is a bug (exit status 70).
 */
export class MtlsctlError extends Error {
  readonly code: ErrorCode;
  readonly hints: readonly string[];
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MtlsctlError';
    this.code = code;
    this.hints = options.hints ?? [];
    this.details = options.details ?? {};
  }
}

/** The exit status of a failure; 70 for anything that is not an MtlsctlError. */
export function exitStatusOf(error: unknown): number {
  return error instanceof MtlsctlError ? exitStatusByCode[error.code] : exitStatusByCode.bug;
}

export function exitStatusOfCode(code: ErrorCode): number {
  return exitStatusByCode[code];
}

/** Narrows to a known failure, with the code asked for if one is given. */
export function isMtlsctlError(error: unknown, code?: ErrorCode): error is MtlsctlError {
  return error instanceof MtlsctlError && (code === undefined || error.code === code);
}

/** The `code` of an error of Node's own (`ENOENT`, `EACCES` …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Runs a reader of a file's content; a failure that names no file gets its path, before the message and as `details.file`, and the hint to
 * look at it unless it has one.
 */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw namingFile(path, error);
  }
}

/** A failure as inFile() tells it, for a reader that answers later. */
export function namingFile(path: string, error: unknown): unknown {
  if (!isMtlsctlError(error) || error.details['file'] !== undefined) return error;
  return new MtlsctlError(error.code, `${path}: ${error.message}`, {
    hints: error.hints.length > 0 ? error.hints : [`run 'mtlsctl inspect ${path}'`],
    details: { ...error.details, file: path },
    cause: error,
  });
}
