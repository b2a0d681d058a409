import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { isMtlsctlError } from '../../src/errors.ts';
import type { PolicyInput } from '../../src/path/policies.ts';
import type { ReferenceName } from '../../src/path/reference-names.ts';
import { verifyChain, type Purpose, type VerifyProfile } from '../../src/path/verify.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { readPem } from '../../src/x509/pem.ts';

const file = fileURLToPath(new URL('../../../shared/conformance/chains-open.ndjson.gz', import.meta.url));
const present = existsSync(file);
if (!present) console.log('skipped: no chains to verify; they come from x509-limbo (C2SP) and NIST PKITS');

interface Case {
  readonly id: string;
  readonly class: string;
  readonly expected: 'valid' | 'invalid';
  readonly leaf: string;
  readonly untrusted: readonly string[];
  readonly trust: readonly string[];
  readonly crls: readonly string[];
  readonly time: string | null;
  readonly purpose: Purpose;
  readonly name: ReferenceName | null;
  readonly names: readonly ReferenceName[];
  readonly maxDepth: number | null;
  readonly keyUsage: readonly string[];
  readonly eku: readonly string[];
  readonly profile: VerifyProfile;
  readonly strict: boolean;
  readonly policies: PolicyInput | null;
}

/** Cases without a time are valid for centuries. */
const someTime = Date.UTC(2026, 10, 22);

/**
 * Right answers that must not become fewer: [valid accepted, invalid refused] of each class.
 * PKITS 4.1.5 is not among them: it wants DSA with SHA-1, which lies under the algorithm floor.
 */
const recorded: Readonly<Record<string, readonly [valid: number, invalid: number]>> = {
  algo: [0, 1],
  anchor: [0, 14],
  bettertls: [437, 4386],
  core: [28, 31],
  pkits: [52, 71],
  strict: [0, 13],
  webpki: [0, 12],
};

test.skipIf(!present)('chains of x509-limbo, BetterTLS and PKITS: never fewer right answers than recorded', () => {
  const reached: Record<string, { valid: number; invalid: number; wrong: string[] }> = {};
  for (const line of gunzipSync(readFileSync(file)).toString().trim().split('\n')) {
    const item = JSON.parse(line) as Case;
    const suite = item.id.split('::')[0] ?? '';
    const tally = (reached[['bettertls', 'pkits'].includes(suite) ? suite : item.class] ??= {
      valid: 0,
      invalid: 0,
      wrong: [],
    });
    if (answer(item) === item.expected) tally[item.expected]++;
    else tally.wrong.push(item.id);
  }
  console.table(reached);
  for (const [name, [valid, invalid]] of Object.entries(recorded)) {
    expect(reached[name]?.valid, `${name}: ${String(reached[name]?.wrong)}`).toBeGreaterThanOrEqual(valid);
    expect(reached[name]?.invalid, `${name}: ${String(reached[name]?.wrong)}`).toBeGreaterThanOrEqual(invalid);
  }
});

function answer(item: Case): 'valid' | 'invalid' {
  try {
    const crls = readable(item.crls, parseCrl);
    const verdict = verifyChain({
      leaf: parseCertificate(der(item.leaf)),
      trustAnchors: readable(item.trust, parseCertificate),
      intermediates: readable(item.untrusted, parseCertificate),
      crls,
      requireCrl: item.crls.length > 0,
      at: item.time === null ? someTime : Date.parse(item.time),
      purpose: item.purpose,
      names: [...(item.name === null ? [] : [item.name]), ...item.names],
      maxDepth: item.maxDepth ?? undefined,
      keyUsage: item.keyUsage,
      extendedKeyUsage: item.eku,
      policies: item.policies ?? undefined,
      profile: item.profile,
      strict: item.strict,
    });
    return verdict.valid ? 'valid' : 'invalid';
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return 'invalid';
    throw error;
  }
}

const der = (pem: string): Uint8Array => readPem(pem)[0]!.der;

/** What does not parse is left out, as among the files that a person gives. */
function readable<T>(pems: readonly string[], parse: (bytes: Uint8Array) => T): readonly T[] {
  return pems.flatMap(pem => {
    try {
      return [parse(der(pem))];
    } catch (error) {
      if (isMtlsctlError(error, 'malformed')) return [];
      throw error;
    }
  });
}
