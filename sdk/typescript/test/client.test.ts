import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionFailed, isProblem } from '../src/index.ts';
import { fake, ID, ORDER, problem } from './fake.ts';

test('a list continues over short and empty pages', async () => {
  const pages = [
    { items: [{ orderId: 'a' }], nextCursor: 'x' },
    { items: [], nextCursor: 'y' },
    { items: [{ orderId: 'b' }, { orderId: 'c' }] },
  ];
  const { oms, sent } = fake(pages.map((body) => ({ body })));
  const found: string[] = [];
  for await (const order of oms.orders.listOrders({ limit: 2, status: 'PAID' })) found.push(order.orderId);
  assert.deepEqual(found, ['a', 'b', 'c']);
  assert.deepEqual(
    sent.map((it) => new URL(it.url).searchParams.get('cursor')),
    [null, 'x', 'y'],
  );
  assert.ok(sent.every((it) => it.url.includes('status=PAID')));
});

test('a list is read only as far as it is used', async () => {
  const { oms, sent } = fake([{ body: { items: [{ orderId: 'a' }], nextCursor: 'x' } }]);
  for await (const _ of oms.orders.listOrders()) break;
  assert.equal(sent.length, 1);
  for await (const page of oms.orders.listOrders({ cursor: 'z' }).pages()) {
    assert.equal(page.items.length, 1);
    break;
  }
  assert.match(sent[1]?.url ?? '', /cursor=z/);
});

test('a placed order is paid, or pending until it is settled', async () => {
  const paid = await fake([{ status: 201, body: { orderId: ID, status: 'PAID' } }]).oms.place(ORDER);
  assert.ok(paid.state === 'paid' && paid.data.status === 'PAID');
  const waiting = { body: { orderId: ID, status: 'PENDING_PAYMENT' } };
  const { oms, sent } = fake([{ ...waiting, status: 202 }, waiting, waiting, { body: { orderId: ID, status: 'FAILED' } }]);
  const pending = await oms.place(ORDER, { idempotencyKey: 'k' });
  assert.ok(pending.state === 'pending');
  assert.equal(pending.idempotencyKey, 'k');
  const settled = await pending.settled();
  assert.equal(settled.status, 'FAILED');
  assert.equal(sent.length, 4);
  assert.equal(sent[3]?.url, `https://oms.example/orders/${ID}`);
});

test('an order that was refunded since is not paid', async () => {
  for (const status of ['REFUNDING', 'REFUNDED']) {
    const { oms } = fake([{ body: { orderId: ID, status, cached: true }, headers: { 'idempotent-replayed': 'true' } }]);
    const again = await oms.place(ORDER, { idempotencyKey: 'k' });
    assert.ok(again.state === 'refunded' && again.replayed);
  }
});

test('an outage is survived while an order settles, and errors have the key of the order', async () => {
  const waiting = { status: 202, body: { orderId: ID, status: 'PENDING_PAYMENT' } };
  const outage = Array.from({ length: 7 }, () => new TypeError('fetch failed'));
  const { oms } = fake([waiting, ...outage, { body: { orderId: ID, status: 'PAID' } }]);
  const pending = await oms.place(ORDER);
  assert.ok(pending.state === 'pending' && (await pending.settled()).status === 'PAID');

  for (const refusal of [new TypeError('fetch failed'), problem(503, 'service.overloaded'), problem(404, 'orders.not_found')]) {
    const placed = await fake([waiting, refusal]).oms.place(ORDER);
    assert.ok(placed.state === 'pending');
    await assert.rejects(placed.settled({ timeoutMs: 200 }), (error) => {
      assert.ok(error instanceof ConnectionFailed || isProblem(error));
      return error.idempotencyKey !== undefined && error.idempotencyKey === placed.idempotencyKey;
    });
  }
});

test('a declined payment is a problem with the reason', async () => {
  const { oms } = fake([problem(402, 'orders.payment_declined', { declineCode: 'insufficient_funds' })]);
  await assert.rejects(oms.place(ORDER), (error) => {
    return isProblem(error, 'orders.payment_declined') && error.body.declineCode === 'insufficient_funds';
  });
});
