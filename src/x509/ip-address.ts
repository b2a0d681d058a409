/**
 * An address of 4 or 16 octets as people write it (IPv6 as in RFC 5952), or address and mask of 8 or 32 as CIDR;
 * hex for any other length.
 */
export function formatIp(bytes: Uint8Array): string {
  switch (bytes.length) {
    case 4:
      return bytes.join('.');
    case 16:
      return formatIpv6(bytes);
    case 8:
    case 32:
      return formatSubnet(bytes);
    default:
      return Buffer.from(bytes).toString('hex');
  }
}

function formatSubnet(bytes: Uint8Array): string {
  const half = bytes.length / 2;
  const length = prefixLength(bytes.subarray(half));
  return `${formatIp(bytes.subarray(0, half))}/${length ?? formatIp(bytes.subarray(half))}`;
}

/** How many leading bits of a mask are set; undefined where the set bits are not all leading. */
function prefixLength(mask: Uint8Array): number | undefined {
  const bits = Array.from(mask, octet => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}

/** RFC 5952, 4: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map(group => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The 4 or 16 octets of an address; undefined where the text is none. No leading zeros, no zone. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** RFC 4291, 2.2. */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2 || text.length > 45) return undefined;
  const parsed = halves.map((half, i) => (half === '' ? [] : parseGroups(half, i === halves.length - 1)));
  const [head, tail] = parsed;
  if (head === undefined || parsed.includes(undefined)) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  const gap = 16 - head.length - (tail?.length ?? 0);
  if (gap < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(gap).fill(0), ...(tail ?? [])]);
}

/** Octets of groups between colons; the very last may be an IPv4 address. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  const octets: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(group)) {
      const value = parseInt(group, 16);
      octets.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = last && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    octets.push(...ipv4);
  }
  return octets;
}

/**
 * Address and mask, 8 or 32 octets, as name constraints hold them (RFC 5280, 4.2.1.10), from `10.0.0.0/8`.
 * Undefined where the text is no such thing or has bits set after the prefix.
 */
export function parseCidr(text: string): Uint8Array | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = parseIp(match?.[1] ?? '');
  const length = Number(match?.[2]);
  if (address === undefined || length > address.length * 8) return undefined;
  const mask = address.map((_, i) => (0xff << Math.max(0, 8 - Math.max(0, length - 8 * i))) & 0xff);
  if (address.some((octet, i) => (octet & ~(mask[i] ?? 0) & 0xff) !== 0)) return undefined;
  return Uint8Array.from([...address, ...mask]);
}
