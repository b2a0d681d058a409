import type { Certificate } from '../x509/certificate.ts';
import { basicConstraints } from '../x509/extensions.ts';
import { certificateReasons } from './conditions.ts';
import { nameConstraintReasons } from './name-constraints.ts';
import { policyReasons } from './policies.ts';
import { purposeReasons } from './purposes.ts';
import { label, type Reason } from './reasons.ts';
import { referenceNameReasons } from './reference-names.ts';
import { revocationReasons } from './revocation.ts';
import type { Role } from './rules.ts';
import type { Run } from './run.ts';
import { isSelfIssued } from './self-issued.ts';

/** Whether a path has reached a trust anchor, or ends where nothing could be put on it. */
export type PathEnd = 'to-anchor' | 'dead-end';

type Check = (run: Run, chain: readonly Certificate[]) => readonly Reason[];

/** What a path is held to as a whole, in the order of RFC 5280, 6.1.3 to 6.1.5. The leaf stands first, the anchor last. */
const pathChecks: readonly Check[] = [
  nameConstraintReasons, // RFC 5280, 6.1.3 (b), (c) and 6.1.4 (g)
  pathLengthReasons, // RFC 5280, 6.1.4 (l), (m)
  depthReasons,
  purposeReasons, // RFC 5280, 4.2.1.12
  (run, chain) => referenceNameReasons(run.input, chain), // RFC 9525
];

/** What only a path with an anchor can be asked. */
const anchoredChecks: readonly Check[] = [
  policyReasons, // RFC 9618, section 5
  revocationReasons, // RFC 5280, 6.1.3 (a) (3)
];

/** Everything that is wrong with a chain whose signatures hold. */
export function chainReasons(run: Run, chain: readonly Certificate[], end: PathEnd): readonly Reason[] {
  const own = chain.flatMap((certificate, place) =>
    rolesAt(place, chain.length, end).flatMap(role => certificateReasons(run, certificate, role)),
  );
  if (own.some(({ code }) => code === 'extension-malformed' || code === 'extension-too-large')) return own;
  const checks = end === 'to-anchor' ? [...pathChecks, ...anchoredChecks] : pathChecks;
  return [...own, ...checks.flatMap(check => check(run, chain))];
}

/** A trust anchor that is asked about itself stands in both outer places, but issues nothing in this chain. */
function rolesAt(place: number, length: number, end: PathEnd): readonly Role[] {
  if (place === 0) return ['leaf'];
  return place === length - 1 && end === 'to-anchor' ? ['anchor'] : ['intermediate'];
}

/** Intermediates that count: self-issued ones do not. RFC 5280, 4.2.1.9. */
function countedBelow(chain: readonly Certificate[], place: number): number {
  return chain.slice(1, place).filter(certificate => !isSelfIssued(certificate)).length;
}

function pathLengthReasons(_run: Run, chain: readonly Certificate[]): readonly Reason[] {
  return chain.flatMap((certificate, place): readonly Reason[] => {
    if (place === 0) return [];
    const pathLenConstraint = basicConstraints(certificate)?.pathLenConstraint;
    if (pathLenConstraint === undefined) return [];
    const intermediates = countedBelow(chain, place);
    if (intermediates <= pathLenConstraint) return [];
    return [{ code: 'path-length', subject: label(certificate), pathLenConstraint, intermediates }];
  });
}

function depthReasons({ input: { maxDepth } }: Run, chain: readonly Certificate[]): readonly Reason[] {
  const intermediates = countedBelow(chain, chain.length - 1);
  if (maxDepth === undefined || intermediates <= maxDepth) return [];
  return [{ code: 'chain-too-long', intermediates, maxDepth }];
}
