import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import type { ServiceFile } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';
import { listNames, statPath } from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { encodePkcs12 } from '../keys/pkcs12.ts';
import { describePrivateKeyFile, readPrivateKey } from '../keys/private-key.ts';
import type { OutputKind } from '../options.ts';
import { readCertificates } from '../x509/certificate.ts';
import { readService } from './generation.ts';
import { type ExtraFile, extraNames, type GenerationFiles, linkedGeneration } from './generation-layout.ts';
import type { ServicePlan } from './plan.ts';

/* The files that a service may have besides the three: the same key and certificates, in the forms that some servers want. */

type Pem = Pick<GenerationFiles, 'ca' | 'cert' | 'key'>;

/** The names that spiffe-helper gives them in its documentation. */
const namesByKind: Readonly<Record<OutputKind, readonly (typeof extraNames)[number][]>> = {
  combined: ['combined.pem'],
  pkcs12: ['keystore.p12'],
  spiffe: ['svid.pem', 'svid_key.pem', 'svid_bundle.pem'],
};

/**
 * Looks at what has to be there before a certificate is issued that could not be installed. Throws `config-invalid` where settings contradict
 * each other, and what the passphrase file does.
 */
export async function checkOutputs({ service, settings, names }: ServicePlan): Promise<void> {
  const { outputs = [] } = settings;
  if (outputs.includes('spiffe') && names.uri.filter(uri => uri.startsWith('spiffe://')).length !== 1) {
    throw new MtlsctlError(
      'config-invalid',
      `service '${service}' has no SPIFFE ID, and can't have the output 'spiffe'`,
      {
        hints: ["give it a profile with one ('service'), or leave 'spiffe' out of 'outputs' in service.yaml"],
      },
    );
  }
  if (outputs.includes('pkcs12')) await readPassphrase(settings);
}

/** An authority would have signed for nothing. Throws `config-invalid` where a key is to be encrypted that is to be in PKCS #12 too. */
export function checkKeyForOutputs(
  { service, settings }: Pick<ServicePlan, 'service' | 'settings'>,
  isEncrypted: boolean,
): void {
  if (isEncrypted && settings.outputs?.includes('pkcs12') === true) throw noKeyInside(service);
}

function noKeyInside(service: string): MtlsctlError {
  return new MtlsctlError('config-invalid', `the key of '${service}' is encrypted, and can't be put into PKCS #12`, {
    hints: ["leave 'pkcs12' out of 'outputs' in service.yaml, or enroll the service without --passphrase-file"],
  });
}

/** The further files for a pair. Throws as checkOutputs() does, and `config-invalid` for PKCS #12 of a key that is encrypted. */
export async function outputsOf(
  { service, settings }: Pick<ServicePlan, 'service' | 'settings'>,
  pem: Pem,
): Promise<readonly ExtraFile[]> {
  const { outputs = [] } = settings;
  return [
    ...(outputs.includes('combined') ? [combined(pem)] : []),
    ...(outputs.includes('pkcs12') ? [await keystore(service, settings, pem)] : []),
    ...(outputs.includes('spiffe') ? svid(pem) : []),
  ];
}

/** The leaf first, since no server starts otherwise. */
function combined({ cert, key }: Pem): ExtraFile {
  return { name: 'combined.pem', content: `${cert}${key}`, holdsKey: true };
}

function svid({ cert, key, ca }: Pem): readonly ExtraFile[] {
  return [
    { name: 'svid.pem', content: cert, holdsKey: false },
    { name: 'svid_key.pem', content: key, holdsKey: true },
    { name: 'svid_bundle.pem', content: ca, holdsKey: false },
  ];
}

async function keystore(service: string, settings: ServiceFile, { cert, key }: Pem): Promise<ExtraFile> {
  const passphrase = await readPassphrase(settings);
  const file = Buffer.from(key);
  if (describePrivateKeyFile(file).encrypted) throw noKeyInside(service);
  const content = await encodePkcs12(
    {
      key: await readPrivateKey(file, undefined),
      certificates: readCertificates(Buffer.from(cert)).map(({ der }) => der),
      friendlyName: service,
    },
    passphrase,
  );
  return { name: 'keystore.p12', content, holdsKey: true };
}

/** A passphrase is a line, not a file. */
const maximumPassphraseOctets = 4096;

async function readPassphrase({ pkcs12PassphraseFile: path }: ServiceFile): Promise<Uint8Array> {
  if (path === undefined) {
    throw new MtlsctlError('config-invalid', "the output 'pkcs12' wants 'pkcs12PassphraseFile'", {
      hints: ['write pkcs12PassphraseFile: <path> beside outputs, or give it with --pkcs12-passphrase-file <path>'],
    });
  }
  const content = Buffer.from(await readBounded(path, maximumPassphraseOctets)).toString('latin1');
  const octets = Buffer.from(content.replace(/\r?\n$/, ''), 'latin1');
  const problem = passphraseProblem(octets);
  if (problem === undefined) return octets;
  throw new MtlsctlError('bad-value', `the passphrase file ${path} ${problem}`, {
    hints: ['a passphrase is one line of UTF-8'],
    details: { path },
  });
}

function passphraseProblem(octets: Buffer): string | undefined {
  if (octets.length === 0) return 'is empty';
  if (octets.includes(0x0a) || octets.includes(0x0d)) return 'has more than one line';
  // The key for the MAC is made of its characters (RFC 7292, B.1), which end with a NUL.
  return octets.includes(0) || !isUtf8(octets) ? 'is not text in UTF-8' : undefined;
}

/** Whether a generation lacks a further file that service.yaml asks for, or has one that it does not. */
function lacksOutputs(generationDirectory: string, { outputs = [] }: ServiceFile): boolean {
  const found = listNames(generationDirectory) ?? [];
  const wanted: readonly string[] = outputs.flatMap(kind => namesByKind[kind]);
  return extraNames.some(name => found.includes(name) !== wanted.includes(name));
}

/** Whether the generation in force has other further files than service.yaml asks for. */
export async function hasOtherOutputs(serviceDirectory: string, plan: ServicePlan): Promise<boolean> {
  const generation = linkedGeneration(serviceDirectory);
  if (generation === undefined) return false;
  const wanted = plan.settings.outputs ?? [];
  if (lacksOutputs(join(serviceDirectory, generation), plan.settings)) return true;
  return wanted.length > 0 && !(await areAsWanted(join(serviceDirectory, generation), serviceDirectory, plan));
}

/** PKCS #12 takes a while to make, and is compared only where its passphrase may be another. */
async function areAsWanted(generation: string, serviceDirectory: string, plan: ServicePlan): Promise<boolean> {
  const files = await readService(serviceDirectory);
  if (files === undefined) return false;
  const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);
  const { outputs = [] } = plan.settings;
  const settled = outputs.filter(kind => kind !== 'pkcs12' || isNewerThanPassphrase(generation, plan.settings));
  const compared = { ...plan.settings, outputs: outputs.filter(kind => kind !== 'pkcs12' || !settled.includes(kind)) };
  const pem = { cert: text(files.cert), key: text(files.key), ca: text(files.ca) };
  for (const { name, content } of await outputsOf({ service: plan.service, settings: compared }, pem)) {
    const present = await readBounded(join(generation, name));
    if (Buffer.compare(present, Buffer.from(content)) !== 0) return false;
  }
  return true;
}

function isNewerThanPassphrase(generation: string, { pkcs12PassphraseFile }: ServiceFile): boolean {
  const made = statPath(join(generation, 'keystore.p12'));
  const passphrase = pkcs12PassphraseFile === undefined ? undefined : statPath(pkcs12PassphraseFile);
  return made !== undefined && passphrase?.isFile() === true && passphrase.mtimeMs < made.mtimeMs;
}
