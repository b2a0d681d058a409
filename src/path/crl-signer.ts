import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { authorityKeyIdentifier, keyUsage, KeyUsage, subjectKeyIdentifier } from '../x509/extensions.ts';
import { nameKey, namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { unreadableExtension } from './readable.ts';
import type { Question } from './crl-question.ts';
import { intermediatesNamed } from './pool.ts';
import type { Run } from './run.ts';
import { paidSignature } from './signatures.ts';

export type SignerOutcome = 'signed' | 'bad-signature' | 'may-not-sign' | 'no-signer';

/**
 * Looks for a certificate whose key signed the CRL: that of the chain's own issuer first, then others of the CRL issuer's name, each of which needs a chain
 * of its own to the same trust anchor. RFC 5280, 6.3.3 (f), (g).
 */
export function findCrlSigner(run: Run, { chain, place, crl }: Question): SignerOutcome {
  const issuer = chain[place + 1];
  const anchor = chain.at(-1);
  const outcomes: SignerOutcome[] = [];
  for (const candidate of signerCandidates(run, crl, issuer)) {
    const outcome = tryCandidate(run, crl, candidate);
    const inChain = chain.includes(candidate, place + 1);
    if (outcome === 'signed' && (inChain || chainsTo(run, crl, candidate, anchor))) return 'signed';
    outcomes.push(outcome === 'signed' ? 'no-signer' : outcome);
    if (run.budget.exhausted !== undefined) break;
  }
  return mostTelling.find(outcome => outcomes.includes(outcome)) ?? 'no-signer';
}

/** Of several candidates that did not do, the one that came nearest. */
const mostTelling: readonly SignerOutcome[] = ['may-not-sign', 'no-signer', 'bad-signature'];

function signerCandidates(run: Run, crl: Crl, issuer: Certificate | undefined): readonly Certificate[] {
  const key = nameKey(crl.issuer);
  const pooled = [...(run.pool.anchors.get(key) ?? []), ...intermediatesNamed(run.pool, key)];
  const own = issuer !== undefined && namesMatch(issuer.subject, crl.issuer) ? [issuer] : [];
  const candidates = [...new Set([...own, ...pooled])].filter(
    certificate => unreadableExtension(certificate) === undefined,
  );
  const wanted = authorityKeyIdentifier(crl)?.keyIdentifier;
  if (wanted === undefined || candidates.length < 2) return candidates;
  return candidates.toSorted((a, b) => Number(hasKey(b, wanted)) - Number(hasKey(a, wanted)));
}

function hasKey(certificate: Certificate, wanted: Uint8Array): boolean {
  const own = subjectKeyIdentifier(certificate);
  return own !== undefined && sameOctets(own, wanted);
}

function tryCandidate(run: Run, crl: Crl, candidate: Certificate): SignerOutcome {
  if (paidSignature(run, crl, candidate.subjectPublicKeyInfo) !== 'valid') return 'bad-signature';
  const usage = keyUsage(candidate) ?? KeyUsage.cRLSign;
  return (usage & KeyUsage.cRLSign) === 0 ? 'may-not-sign' : 'signed';
}

/**
 * Whether a CRL signer outside the chain is valid by itself under the chain's anchor, revocation included. CRLs that already wait for the answer
 * can't give it: they are left out, which also ends the recursion.
 */
function chainsTo(run: Run, crl: Crl, signer: Certificate, anchor: Certificate | undefined): boolean {
  const { trustAnchors, intermediates, presented, crls = [], at, profile, strict, policies } = run.input;
  const others = crls.filter(other => other !== crl);
  const own: Run = {
    ...run,
    input: {
      leaf: signer,
      trustAnchors,
      intermediates,
      presented,
      crls: others,
      requireCrl: true,
      at,
      profile,
      strict,
      policies,
      purpose: 'any',
    },
    seen: { ...run.seen, certificates: new Map() },
    tried: [],
  };
  return anchor !== undefined && run.findChain(own)?.at(-1) === anchor;
}
