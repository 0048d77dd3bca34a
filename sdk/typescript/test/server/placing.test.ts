/** Whatever goes wrong between the storefront, oms and the gateway: one order and one charge. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { ConnectionFailed, isProblem, type Oms, type types } from '../../src/index.ts';
import { ORDER } from '../fake.ts';
import { Shop } from './shop.ts';

let shop: Shop;
let oms: Oms;
before(async () => {
  shop = await Shop.open();
  oms = shop.client({ sleep: soon });
});
after(() => shop?.close());

/** Does not wait for as long as the service says. */
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 50));

/** An order with a reference of its own. */
function order(more: Partial<types.NewOrder> = {}): types.NewOrder & { externalReference: string } {
  return { ...ORDER, externalReference: randomUUID(), ...more } as types.NewOrder & { externalReference: string };
}

/** Places an order, again with its key if no answer arrives, and waits until it is no longer waiting for its payment. */
async function settled(wanted: types.NewOrder): Promise<types.Order> {
  const idempotencyKey = randomUUID();
  for (;;) {
    try {
      const placed = await oms.place(wanted, { idempotencyKey });
      if (placed.state !== 'pending') return (await oms.orders.getOrder(placed.data.orderId)).data;
      await shop.makeDue();
      return await placed.settled({ timeoutMs: 300_000, intervalMs: 50 });
    } catch (error) {
      if (!(error instanceof ConnectionFailed)) throw error;
    }
  }
}

/** Buys as a customer does: with a new key if an order fails because its payment was not made. */
async function buy(wanted: types.NewOrder): Promise<void> {
  for (;;) {
    const { status, failure } = await settled(wanted);
    if (status === 'PAID') return;
    assert.deepEqual([status, failure], ['FAILED', 'payment_voided']);
  }
}

/**
 * Asserts that one order with the reference has the status, that it has so many charges of its total, and that all others
 * failed without a charge. Returns its ID.
 */
async function assertOne({ externalReference }: { externalReference: string }, status: string, charges = 1): Promise<string> {
  const found = [];
  for await (const it of oms.orders.listOrders({ externalReference })) found.push(it);
  const isFailed = (it: { status: string }) => it.status === 'FAILED' && status !== 'FAILED';
  const live = found.filter((it) => !isFailed(it));
  assert.deepEqual(live.map((it) => it.status), [status]);
  for (const { orderId } of found.filter(isFailed)) assert.equal((await shop.charged(orderId)).charges, 0);
  const only = live[0];
  assert.ok(only);
  const charged = await shop.charged(only.orderId);
  const { amountMinor } = only.total;
  assert.deepEqual([charged.charges, charged.capturedMinor - charged.refundedMinor], [charges, charges * amountMinor]);
  return only.orderId;
}

test('an order is placed and paid', async () => {
  const wanted = order();
  const placed = await oms.place(wanted, { idempotencyKey: wanted.externalReference });
  assert.ok(placed.state === 'paid' && !placed.replayed);
  const again = await oms.place(wanted, { idempotencyKey: wanted.externalReference });
  assert.ok(again.state === 'paid' && again.replayed && again.data.orderId === placed.data.orderId);
  await assertOne(wanted, 'PAID');
});

test('a declined order is not charged, and the next one is once', async () => {
  const declined = order({ paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds' });
  await assert.rejects(oms.place(declined), (error) => {
    return isProblem(error, 'orders.payment_declined') && error.body.declineCode === 'insufficient_funds';
  });
  await assertOne(declined, 'FAILED', 0);
  const second = order();
  await buy(second);
  await assertOne(second, 'PAID');
});

const FAULTS = {
  'the gateway fails with 500 and has charged': { type: 'error_after', status: 500 },
  'the gateway fails with 500 and has not charged': { type: 'error_before', status: 500 },
  'the gateway fails with 502 and has charged': { type: 'error_after', status: 502 },
  'the gateway is overloaded': { type: 'error_before', status: 429 },
  'the gateway closes the connection': { type: 'refuse' },
  'the gateway sends half of its answer': { type: 'truncate' },
};
for (const operation of ['create', 'confirm']) {
  for (const [name, action] of Object.entries(FAULTS)) {
    test(`${name}, when asked to ${operation}: one order and one charge`, async () => {
      await shop.fault(operation, action);
      const wanted = order();
      await buy(wanted);
      await shop.release();
      await assertOne(wanted, 'PAID');
    });
  }
}

test('requests and answers are lost: one order and one charge', async () => {
  for (const lost of [{ requests: 1 }, { answers: 1 }, { requests: 1, answers: 2 }, { answers: 3 }]) {
    const wanted = order();
    shop.wire.lose(lost);
    const placed = await oms.place(wanted);
    assert.ok(placed.state === 'paid', JSON.stringify(lost));
    await assertOne(wanted, 'PAID');
  }
});

test('everything is lost: the error has the key with which the order is found', async () => {
  const wanted = order();
  shop.wire.lose({ answers: 4 });
  const failed = (await oms.place(wanted).catch((error: unknown) => error)) as { idempotencyKey: string };
  const placed = await oms.place(wanted, { idempotencyKey: failed.idempotencyKey });
  assert.ok(placed.state === 'paid' && placed.replayed);
  await assertOne(wanted, 'PAID');
});

test('a payment that the bank is still deciding is pending, and then paid', async () => {
  const wanted = order({ paymentMethod: 'pm_usBankAccount_processing' });
  const placed = await oms.place(wanted);
  assert.ok(placed.state === 'pending');
  const id = await assertOne(wanted, 'PENDING_PAYMENT', 0);
  const [intent] = (await shop.charged(id)).intents;
  await shop.sandbox('POST', `payment_intents/${intent?.id}/settle`, { outcome: 'succeeded' });
  await shop.makeDue();
  assert.equal((await placed.settled({ timeoutMs: 300_000, intervalMs: 50 })).status, 'PAID');
  await assertOne(wanted, 'PAID');
});

test('oms refuses with 429 for a while: one order and one charge each', async () => {
  await shop.restart({ OMS_RATE_LIMIT_PER_MINUTE: '60', OMS_RATE_LIMIT_BURST: '1' });
  const credential = await shop.command('keys', 'create', '--name', 'shop', '--scope', 'orders:write', '--scope', 'orders:read');
  let refused = 0;
  const limited = shop.client({
    credential,
    fetch: async (...request) => {
      const answer = await fetch(...request);
      if (answer.status === 429) refused += 1;
      return answer;
    },
  });
  const wanted = [order(), order()];
  for (const it of wanted) assert.equal((await limited.place(it)).state, 'paid');
  await shop.restart();
  assert.ok(refused > 0);
  for (const it of wanted) await assertOne(it, 'PAID');
});

test('oms dies while it waits for the gateway: one order and one charge', async () => {
  const confirmed = async () => ((await shop.sandbox('GET', 'stats')) as { calls: { confirm: number } }).calls.confirm;
  const earlier = await confirmed();
  await shop.fault('confirm', { type: 'hold' });
  const wanted = order();
  const bought = buy(wanted);
  while ((await confirmed()) === earlier);
  await shop.restart();
  await shop.release();
  await shop.makeDue();
  await bought;
  await assertOne(wanted, 'PAID');
});

test('twenty requests with one key: one order and one charge', async () => {
  const wanted = order();
  const options = { idempotencyKey: wanted.externalReference };
  const placed = await Promise.all(Array.from({ length: 20 }, () => oms.place(wanted, options)));
  assert.equal(new Set(placed.map((it) => it.data.orderId)).size, 1);
  await assertOne(wanted, 'PAID');
});

test('3-D Secure: the customer confirms, and is charged once', async () => {
  const wanted = order({ paymentMethod: 'pm_card_threeDSecure2Required', returnUrl: 'http://localhost/done' });
  const id = await challenged(wanted, 'complete');
  const paid = await oms.orders.payOrder(id, {});
  assert.deepEqual([paid.status, paid.data.status], [200, 'PAID']);
  await assertOne(wanted, 'PAID');
});

test('3-D Secure: the customer refuses, and is not charged', async () => {
  const wanted = order({ paymentMethod: 'pm_card_threeDSecure2Required', returnUrl: 'http://localhost/done' });
  const id = await challenged(wanted, 'fail');
  await assert.rejects(oms.orders.payOrder(id, {}), (error) => isProblem(error) && error.status === 402);
  await assertOne(wanted, 'FAILED', 0);
});

/** Places an order and does what the customer does on the bank's page. Returns the order's ID. */
async function challenged(wanted: types.NewOrder, outcome: string): Promise<string> {
  const placed = await oms.place(wanted);
  assert.ok(placed.state === 'pending');
  const action = placed.data.payment?.nextAction;
  assert.ok(action?.type === 'redirect_to_url');
  const url = new URL(action.redirectUrl ?? '');
  const body = new URLSearchParams({ outcome, client_secret: url.searchParams.get('client_secret') ?? '' });
  const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' });
  assert.ok(answer.headers.get('location')?.startsWith('http://localhost/done'), String(answer.status));
  return placed.data.orderId;
}
