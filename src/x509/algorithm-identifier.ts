import type { Element } from '../der/reader.ts';
import { Cursor, Tag, checkTree, elementBytes, malformed } from '../der/reader.ts';
import { readNull, readOid } from '../der/values.ts';

/** RFC 5280, 4.1.1.2. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  /** The whole element; undefined where it is absent, which is not the same as NULL. */
  readonly parameters: Uint8Array | undefined;
  readonly der: Uint8Array;
}

/** Reads an AlgorithmIdentifier; its parameters are checked to be DER, not what they mean. Throws `malformed`. */
export function readAlgorithmIdentifier(e: Element, what = 'AlgorithmIdentifier'): AlgorithmIdentifier {
  if (e.tag !== Tag.sequence) malformed(e.start, `${what}: not a SEQUENCE`);
  const cursor = new Cursor(e);
  const oid = readOid(cursor.expect(Tag.oid, `${what}.algorithm`));
  const parameters = cursor.atEnd ? undefined : cursor.next(`${what}.parameters`);
  if (parameters !== undefined) checkParameters(parameters, what);
  cursor.finish(what);
  return { oid, parameters: parameters && elementBytes(parameters), der: elementBytes(e) };
}

function checkParameters(e: Element, what: string): void {
  if (e.tag === Tag.null) readNull(e);
  else if (e.tag === Tag.oid) readOid(e);
  else checkTree(e, `${what}.parameters`);
}
