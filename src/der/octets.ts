/** Whether two octet strings are the same. Not for secrets: it does not take constant time. */
export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
