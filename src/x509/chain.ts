import type { Certificate } from './certificate.ts';
import { formatName, namesMatch } from './name.ts';

/**
 * The first certificate of a list that is not named as the issuer of the one before it, so that the list is more than one chain in its order (RFC
 * 8446, 4.4.2). Undefined where there is none. Signatures are not looked at.
 */
export function firstStranger(certificates: readonly Certificate[]): Certificate | undefined {
  return certificates.find((each, index) => {
    const below = certificates[index - 1];
    return below !== undefined && !namesMatch(below.issuer, each.subject);
  });
}

/** What is wrong with it, for a person. */
export function strangerIn({ subject }: Certificate): string {
  return `${formatName(subject)} is no part of its chain: it holds the certificate, then each its issuer's`;
}
