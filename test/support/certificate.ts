// A certificate of its own for a test: EC P-256, signed by itself, written in DER by hand (RFC 5280 section 4.1), so that
// no program and no package is needed. Not a test file.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const utcTime = (text: string) => der(0x17, Buffer.from(text));
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly der: Buffer;
}

/** A fresh one for a name. */
export function selfSigned(name: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const commonName = sequence(oid('550403'), der(0x0c, Buffer.from(name)));
  const subject = sequence(der(0x31, commonName));
  const serial = der(0x02, Buffer.from([1]), randomBytes(8));
  const validity = sequence(utcTime('200101000000Z'), utcTime('491231235959Z'));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const body = sequence(version, serial, ecdsaWithSha256, subject, validity, subject, spki);
  const signature = sign('sha256', body, privateKey);
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  const cert = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join(
    '\n',
  );
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert, key, der: whole };
}
