import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { InvalidWebhook, verify } from '../src/webhooks.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = '{"type":"order.paid","data":{"orderId":"1"}}';
const NOW = 1_614_265_330_000;

async function hmac(secret: string, text: string): Promise<string> {
  const raw = Uint8Array.from(atob(secret.replace('whsec_', '')), (char) => char.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

async function signed(body: string, secret = SECRET): Promise<Record<string, string>> {
  const signature = await hmac(secret, `msg_1.${NOW / 1000}.${body}`);
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': String(NOW / 1000), 'webhook-signature': `v1,${signature}` };
}

test('the example of the specification has a valid signature', async () => {
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  const check = (body: string) => verify(body, headers, { secrets: [SECRET], now: NOW });
  // It is signed, but no event of oms.
  await assert.rejects(check('{"test": 2432232314}'), /not an event/);
  await assert.rejects(check('{"test":2432232314}'), /no signature is valid/);
});

test('an event is returned in any form that servers have it', async () => {
  const headers = await signed(BODY);
  const options = { secrets: [SECRET], now: NOW };
  for (const given of [headers, new Headers(headers), { ...headers, 'Webhook-Id': headers['webhook-id'] }]) {
    for (const body of [BODY, new TextEncoder().encode(BODY)]) {
      const event = await verify(body, given, options);
      assert.deepEqual(event, { type: 'order.paid', data: { orderId: '1' } });
    }
  }
});

test('one valid signature of one of several secrets is enough', async () => {
  const other = `whsec_${btoa('another secret of 24 byte')}`;
  const headers = await signed(BODY);
  const many = `v1a,AAAA v1,!!! v1,${btoa('wrong')} ${headers['webhook-signature']} v2,x`;
  await verify(BODY, { ...headers, 'webhook-signature': many }, { secrets: [other, SECRET], now: NOW });
  await assert.rejects(verify(BODY, headers, { secrets: [other], now: NOW }), InvalidWebhook);
});

test('a signature with a private key is checked with the public one', async () => {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const text = new TextEncoder().encode(`msg_1.${NOW / 1000}.${BODY}`);
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, text));
  const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const headers = { ...(await signed(BODY)), 'webhook-signature': `v1a,${base64(signature)}` };
  const publicKeys = [`whpk_${base64(raw)}`];
  await verify(BODY, headers, { publicKeys, now: NOW });
  await assert.rejects(verify(`${BODY} `, headers, { publicKeys, now: NOW }), InvalidWebhook);
  // A signature of one kind is none of the other.
  await assert.rejects(verify(BODY, headers, { secrets: [SECRET], now: NOW }), InvalidWebhook);
});

/** What the server's own tests check too. */
interface Shared {
  hmac: { verificationKey: string };
  ed25519: { verificationKey: string };
  vectors: { name: string; id: string; timestamp: number; body: string; hmac: string; ed25519: string }[];
}

const file = new URL('../../../crates/events/tests/webhook-signatures.json', import.meta.url);
const shared = JSON.parse(readFileSync(file, 'utf8')) as Shared;

test('the signatures of the server are valid, and those of the library of Standard Webhooks are the same', async () => {
  assert.ok(shared.vectors.length >= 4);
  const library = new Webhook(shared.hmac.verificationKey);
  const secrets = [shared.hmac.verificationKey];
  const publicKeys = [shared.ed25519.verificationKey];
  for (const { name, id, timestamp, body, hmac: byHmac, ed25519 } of shared.vectors) {
    assert.equal(library.sign(id, new Date(timestamp * 1000), body), byHmac, name);
    const now = timestamp * 1000;
    const check = (signature: string, keys: { secrets: string[] } | { publicKeys: string[] }, given = body) => {
      const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
      return verify(given, headers, { ...keys, now });
    };
    assert.deepEqual(await check(byHmac, { secrets }), JSON.parse(body), name);
    assert.deepEqual(await check(ed25519, { publicKeys }), JSON.parse(body), name);
    await assert.rejects(check(byHmac, { secrets }, `${body} `), InvalidWebhook, name);
    await assert.rejects(check(ed25519, { publicKeys }, `${body} `), InvalidWebhook, name);
  }
});

test('the library of Standard Webhooks accepts what it signed, and so do we', async () => {
  const library = new Webhook(shared.hmac.verificationKey);
  const now = new Date();
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': library.sign('evt_1', now, BODY),
  };
  assert.deepEqual(library.verify(BODY, headers), JSON.parse(BODY));
  assert.deepEqual(await verify(BODY, headers, { secrets: [shared.hmac.verificationKey] }), JSON.parse(BODY));
});

test('what is changed, old, or incomplete is refused', async () => {
  const headers = await signed(BODY);
  const options = { secrets: [SECRET], now: NOW };
  await assert.rejects(verify(BODY.replace('1', '2'), headers, options), InvalidWebhook);
  for (const name of Object.keys(headers)) {
    await assert.rejects(verify(BODY, { ...headers, [name]: undefined }, options), InvalidWebhook, name);
  }
  await assert.rejects(verify(BODY, { ...headers, 'webhook-id': 'msg_2' }, options), InvalidWebhook);
  await assert.rejects(verify(BODY, { ...headers, 'webhook-timestamp': 'now' }, options), InvalidWebhook);
  for (const [now, isValid] of [
    [NOW + 300_000, true],
    [NOW + 301_000, false],
    [NOW - 300_000, true],
    [NOW - 301_000, false],
  ] as const) {
    const checked = verify(BODY, headers, { ...options, now });
    await (isValid ? checked : assert.rejects(checked, /too old/));
  }
  await verify(BODY, headers, { ...options, now: NOW + 900_000, toleranceS: 1000 });
  await assert.rejects(verify(BODY, headers, { now: NOW }), TypeError);
});
