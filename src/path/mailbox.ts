import { isDnsName } from './dns-name.ts';

export interface Mailbox {
  /** Case matters here, as far as anyone but the host knows. RFC 5321, 2.4. */
  readonly local: string;
  /** In lower case. */
  readonly host: string;
}

/** RFC 5321, 4.1.2: a dot-string of atoms, or a quoted string. */
const dotString = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
const quotedString = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"$/;

/** Splits an rfc822Name, which is a Mailbox of RFC 5321; undefined where it is none. RFC 5280, 4.2.1.6. */
export function parseMailbox(text: string): Mailbox | undefined {
  const at = text.lastIndexOf('@');
  if (at < 1) return undefined;
  const local = text.slice(0, at);
  const host = text.slice(at + 1);
  if (!isDnsName(host) || !(dotString.test(local) || quotedString.test(local))) return undefined;
  return { local, host: host.toLowerCase() };
}

/** RFC 5280, 7.5: the local part exactly, the host without regard to case. */
export function sameMailbox(a: Mailbox, b: Mailbox): boolean {
  return a.local === b.local && a.host === b.host;
}
