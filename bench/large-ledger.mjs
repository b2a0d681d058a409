// A ledger of as many issued certificates as asked for, written without mtlsctl: an enrolled certificate is taken, its serial number and the name
// of its service are put in anew, and it is signed again. What audit reads of it is sound; what an enrolment costs is not measured here.
import { createPrivateKey, hash, sign } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mtlsctl } from './pki.mjs';

/** All names of services are of this length, so that one can be put in the place of the other. */
export const serviceName = index => `svc-${String(index).padStart(7, '0')}`;

/**
 * Enrols a service under the intermediate `site` and issues `count - 1` like it, to `services` of them in turn; `revoke` says how many of
 * them, beginning with the first, are revoked after. Returns what gives the serial number of each. `signed: false` leaves the signature that does not hold, which is three times as fast.
 */
export function growLedger(directory, { count, services = count, revoke = 0, signed = true }) {
  const authority = join(directory, 'authorities', 'site');
  const ledger = join(authority, 'ledger.jsonl');
  mtlsctl(['enroll', serviceName(0), '--dir', directory, '--quiet']);
  const lines = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  const sample = JSON.parse(lines.find(line => line.includes('"event":"issued"')));
  // DER puts an octet before one whose first bit is set, and what is patched keeps its length.
  const first = sample.serial[0] < '8' ? '5e' : 'de';
  const serialOf = index => `${first}${hash('md5', String(index), 'hex').slice(2)}`;
  const make = certificateMaker(sample, serialOf, signed && createPrivateKey(readFileSync(join(authority, 'key.pem'))));
  const writer = lineWriter(ledger, lines);
  for (let index = 1; index < count; index += 1) writer.add(make(index, serviceName(index % services)), sample.at);
  for (let index = 1; index <= revoke; index += 1) writer.add(revoked(serialOf(index), sample), sample.at);
  writer.end();
  return serialOf;
}

function revoked(serial, { at, notAfter }) {
  return { event: 'revoked', serial, reason: 4, date: at.replace(/\.\d+/, ''), notAfter };
}

function certificateMaker(sample, serialOf, key) {
  const der = Buffer.from(sample.certificate, 'base64');
  const [tbs, algorithm, signature] = elements(content(der));
  const serialAt = tbs.indexOf(sample.serial, 0, 'hex');
  const names = placesOf(tbs, sample.service);
  const { event, service, subject, names: texts, profile, notBefore, notAfter } = sample;
  const text = JSON.stringify({ subject, names: texts, profile, notBefore, notAfter });
  return (index, name) => {
    const newSerial = serialOf(index);
    const newTbs = Buffer.from(tbs);
    newTbs.write(newSerial, serialAt, 'hex');
    for (const place of names) newTbs.write(name, place, 'latin1');
    const bits = key ? bitString(sign('sha256', newTbs, key)) : signature;
    const rest = JSON.parse(text.replaceAll(service, name));
    const newDer = sequence(Buffer.concat([newTbs, algorithm, bits]));
    return { event, serial: newSerial, service: name, ...rest, certificate: newDer.toString('base64') };
  };
}

function lineWriter(path, lines) {
  let prev = hash('sha256', lines.at(-1), 'hex');
  let seq = JSON.parse(lines.at(-1)).seq;
  const sums = 'sum' in JSON.parse(lines.at(-1));
  const file = openSync(path, 'a');
  let pending = [];
  const flush = () => {
    writeSync(file, pending.join(''));
    pending = [];
  };
  return {
    add(event, at) {
      seq += 1;
      const line = ending(JSON.stringify({ seq, at, ...event, prev }), sums);
      prev = hash('sha256', line, 'hex');
      pending.push(`${line}\n`);
      if (pending.length === 1000) flush();
    },
    end() {
      flush();
      // Or the first who syncs a line of his own waits for all of these.
      fsyncSync(file);
      closeSync(file);
    },
  };
}

function ending(line, withSum) {
  const covered = line.slice(0, -1);
  return withSum ? `${covered},"sum":"${hash('sha256', covered, 'hex')}"}` : line;
}

function placesOf(bytes, text) {
  const places = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}

/** Header and content lengths of the DER element at an offset. */
function measure(der, at) {
  const first = der[at + 1];
  if (first < 0x80) return { header: 2, length: first };
  const octets = first & 0x7f;
  return { header: 2 + octets, length: der.readUIntBE(at + 2, octets) };
}

function content(der) {
  return der.subarray(measure(der, 0).header);
}

function elements(der) {
  const found = [];
  for (let at = 0; at < der.length;) {
    const { header, length } = measure(der, at);
    found.push(der.subarray(at, at + header + length));
    at += header + length;
  }
  return found;
}

function sequence(bytes) {
  return Buffer.concat([Buffer.from([0x30, 0x82, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function bitString(bytes) {
  return Buffer.concat([Buffer.from([0x03, bytes.length + 1, 0]), bytes]);
}
