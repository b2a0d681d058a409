import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addTrustAnchor,
  encodeCertificates,
  readPublishedCrls,
  readTrustAnchors,
  trustRoot,
} from '../../src/authority/trust.ts';
import { isPublished, mergePublishedCrl } from '../../src/authority/published-crls.ts';
import { readCertificates } from '../../src/x509/certificate.ts';
import type { Crl } from '../../src/x509/crl.ts';
import { crlNumber } from '../../src/x509/extensions.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { formatName } from '../../src/x509/name.ts';
import { authority } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const first = authority({ name: 'first' });
const second = authority({ name: 'second' });

describe('trust anchors', () => {
  it('are none of the system where there is no file', async () => {
    await expect(readTrustAnchors(directory())).rejects.toMatchObject({ code: 'not-found' });
    writeFileSync(join(directory(), 'ca.pem'), 'no certificate\n');
    await expect(readTrustAnchors(directory())).rejects.toMatchObject({ code: 'malformed' });
  });

  it('are added after those that are there, each once', async () => {
    for (const { certificate } of [first, second, first]) await addTrustAnchor(directory(), certificate);
    const names = (await readTrustAnchors(directory())).map(anchor => formatName(anchor.subject));
    expect(names).toEqual(['CN=first', 'CN=second']);
  });

  it('are all there where several are added at once', async () => {
    const anchors = ['a', 'b', 'c', 'd'].map(name => authority({ name }).certificate);
    await Promise.all(anchors.map(anchor => trustRoot(directory(), anchor)));
    expect(await readTrustAnchors(directory())).toHaveLength(4);
  });

  it('read back as they are encoded', () => {
    const certificates = [first.certificate, second.certificate];
    const read = readCertificates(Buffer.from(encodeCertificates(certificates)));
    expect(read.map(each => each.der)).toEqual(certificates.map(each => each.der));
  });
});

describe('published CRLs', () => {
  const published = async (): Promise<readonly string[]> =>
    (await readPublishedCrls(directory())).map(each => `${formatName(each.issuer)} ${crlNumber(each) ?? 'none'}`);
  const merge = (issuer: typeof first, number: bigint): Promise<void> =>
    mergePublishedCrl(directory(), numbered(issuer, number), issuer.certificate);
  const numbered = (issuer: typeof first, number: bigint): Crl => crl(issuer, { number });

  it('are none where there is no file', async () => {
    expect(await readPublishedCrls(directory())).toEqual([]);
  });

  it('stand once for each issuer, the newest in the place of the last', async () => {
    await merge(first, 1n);
    await merge(second, 7n);
    await merge(first, 2n);
    expect(await published()).toEqual(['CN=second 7', 'CN=first 2']);
  });

  it('never give way to an older one, whoever comes first', async () => {
    await merge(first, 5n);
    const { ino, mtimeMs } = statSync(join(directory(), 'crl.pem'));
    await merge(first, 4n);
    await merge(first, 5n);
    expect(await published()).toEqual(['CN=first 5']);
    expect(statSync(join(directory(), 'crl.pem'))).toMatchObject({ ino, mtimeMs });
    expect(await isPublished(directory(), numbered(first, 5n), first.certificate)).toBe(true);
    expect(await isPublished(directory(), numbered(first, 6n), first.certificate)).toBe(false);
    expect(await isPublished(directory(), numbered(second, 1n), second.certificate)).toBe(false);
  });

  it('begin to count again for an authority made anew under its old name', async () => {
    await merge(first, 5n);
    const again = authority({ name: 'first', key: 'another key' });
    await merge(again, 1n);
    expect(await published()).toEqual(['CN=first 1']);
  });

  it('do not give way to one that its issuer never signed, whatever its number', async () => {
    const forged = crl(first, { number: 99n, signer: second.key });
    writeFileSync(join(directory(), 'crl.pem'), encodePem('X509 CRL', forged.der));
    expect(await isPublished(directory(), numbered(first, 5n), first.certificate)).toBe(false);
    await merge(first, 5n);
    expect(await published()).toEqual(['CN=first 5']);
  });

  it.each(['no CRL', '-----BEGIN X509 CRL-----\nMIIB\n'])('are begun anew where crl.pem is damaged: %j', async text => {
    writeFileSync(join(directory(), 'crl.pem'), text);
    await merge(first, 5n);
    expect(await published()).toEqual(['CN=first 5']);
  });
});
