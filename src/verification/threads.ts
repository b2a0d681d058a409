import type { Threads } from '../system.ts';
import { serveWork, shareOut, type ThreadPort } from '../thread-work.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import type { Result } from './report.ts';
import type { VerificationOrder } from './run.ts';
import { type Grounds, verifier, verifyEach } from './verifier.ts';

/** What a thread of `verify-chain` is started with. Trust and CRLs are those that the main thread has read, whatever becomes of the files. */
export interface VerificationThreadOrder {
  readonly kind: 'verification';
  readonly order: VerificationOrder;
  readonly anchors: readonly Uint8Array[];
  readonly untrusted: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[] | undefined;
}

/** Targets that follow each other: they and their results cross together, since each crossing costs as much as a good part of a verification. */
interface Stretch {
  readonly start: number;
  readonly names: readonly string[];
}

interface StretchResults {
  readonly start: number;
  readonly results: readonly Result[];
}

const stretchLength = 64;

/** The results in the order of the names. */
export async function verifyInThreads(
  order: VerificationOrder,
  names: readonly string[],
  grounds: Grounds,
  threads: Threads,
  count: number,
): Promise<readonly Result[]> {
  const threadOrder: VerificationThreadOrder = {
    kind: 'verification',
    order,
    anchors: grounds.anchors.map(copied),
    untrusted: grounds.untrusted.map(copied),
    crls: grounds.crls?.map(copied),
  };
  const portions: Stretch[][] = [];
  for (let start = 0; start < names.length; start += stretchLength)
    portions.push([{ start, names: names.slice(start, start + stretchLength) }]);
  const answers: StretchResults[] = [];
  const done = (answer: StretchResults): unknown => answers.push(answer);
  await shareOut({ threads, count, order: threadOrder, portions, done });
  return answers.sort((a, b) => a.start - b.start).flatMap(({ results }) => results);
}

/** What is part of a larger buffer would cross with all of it. */
function copied({ der }: { readonly der: Uint8Array }): Uint8Array {
  return Uint8Array.from(der);
}

/** The thread's side. */
export function serveVerifications(threadOrder: VerificationThreadOrder, port: ThreadPort): void {
  const { order, anchors, untrusted, crls } = threadOrder;
  serveWork<Stretch, StretchResults>(port, () => {
    const verify = verifier(order, {
      anchors: anchors.map(parseCertificate),
      untrusted: untrusted.map(parseCertificate),
      crls: crls?.map(parseCrl),
    });
    return Promise.resolve(async (stretches, done) => {
      for (const { start, names } of stretches) done({ start, results: await verifyEach(names, verify) });
    });
  });
}
