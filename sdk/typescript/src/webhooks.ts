/** Verifies events by the Standard Webhooks specification (https://www.standardwebhooks.com). */

import type { OmsEvent } from './follow.ts';

/** The keys that signatures are checked with, and how old an event may be. */
export interface VerifyOptions {
  /** Secrets, such as `whsec_…`. While a secret is replaced, both. */
  secrets?: readonly string[];
  /** Public keys of Ed25519, such as `whpk_…`. */
  publicKeys?: readonly string[];
  /** Seconds by which the event's time may differ from the clock. Default 300. */
  toleranceS?: number;
  /** The present in milliseconds. Default: the clock. */
  now?: number;
}

/** What every event has. `type` distinguishes them. */
export interface WebhookEvent {
  type: string;
  timestamp?: string;
  data?: unknown;
}

/** The event was not sent by oms, is too old, or is damaged. Answer the request with 400. */
export class InvalidWebhook extends Error {
  override readonly name = 'InvalidWebhook';
}

type HeaderValues = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Checks the signature of an event, and returns the event. `body` is the body as it arrived: text that was parsed and
 * written again has another signature.
 */
export async function verify<E extends WebhookEvent = OmsEvent>(
  body: string | Uint8Array<ArrayBuffer>,
  headers: HeaderValues,
  options: VerifyOptions,
): Promise<E> {
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  if (!/^\d{1,12}$/.test(timestamp)) throw new InvalidWebhook('webhook-timestamp is not a time');
  const ageS = Math.abs((options.now ?? Date.now()) / 1000 - Number(timestamp));
  if (ageS > (options.toleranceS ?? 300)) throw new InvalidWebhook('the event is too old, or from the future');
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);
  if (!(await isSigned(signed, signatures.split(' '), options))) {
    throw new InvalidWebhook('no signature is valid');
  }
  const event: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof event !== 'object' || event === null || !('type' in event) || typeof event.type !== 'string') {
    throw new InvalidWebhook('the body is not an event');
  }
  return event as E;
}

async function isSigned(
  signed: Uint8Array<ArrayBuffer>,
  signatures: readonly string[],
  { secrets = [], publicKeys = [] }: VerifyOptions,
): Promise<boolean> {
  if (secrets.length + publicKeys.length === 0) throw new TypeError('give at least one secret or public key');
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const ways = [
    ...secrets.map((secret) => ({ version: 'v1', algorithm: hmac, key: secret.replace(/^whsec_/, '') })),
    ...publicKeys.map((key) => ({ version: 'v1a', algorithm: { name: 'Ed25519' }, key: key.replace(/^whpk_/, '') })),
  ];
  for (const { version, algorithm, key } of ways) {
    const imported = await crypto.subtle.importKey('raw', decode(key), algorithm, false, ['verify']);
    for (const signature of signatures) {
      if (!signature.startsWith(`${version},`)) continue;
      const value = tryDecode(signature.slice(version.length + 1));
      // WebCrypto compares in constant time.
      if (value && (await crypto.subtle.verify(algorithm, imported, value, signed))) return true;
    }
  }
  return false;
}

function header(headers: HeaderValues, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : entry(headers, name);
  if (typeof value !== 'string' || value === '') throw new InvalidWebhook(`${name} is missing`);
  return value;
}

function entry(headers: Readonly<Record<string, string | readonly string[] | undefined>>, name: string): unknown {
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}

function tryDecode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return decode(text);
  } catch {
    return undefined;
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
