const serialOctets = 16;
const maxDraws = 64;

/**
 * A random serial number of 128 bits as its octets without sign, the first of them never zero: a leading zero would be dropped by some tools and
 * kept by others, and @peculiar/x509 takes an all-zero one as a wish for another. RFC 5280, 4.1.2.2 allows 20 octets.
 */
export function randomSerial(random: (count: number) => Uint8Array): Uint8Array {
  for (let draw = 0; draw < maxDraws; draw += 1) {
    const octets = random(serialOctets);
    if (octets.length === serialOctets && octets[0] !== 0) return octets;
  }
  throw new RangeError('the source of randomness is broken');
}
