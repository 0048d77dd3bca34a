import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionFailed, InProgress, isProblem, Problem } from '../src/index.ts';
import { fake, ID, ORDER, problem, type Reply } from './fake.ts';

const CUT = new TypeError('fetch failed');
const PLACED: Reply = { status: 201, body: { orderId: ID, status: 'PAID' } };

test('a request has its path, query, credential and body', async () => {
  const { oms, sent } = fake([{ body: { items: [] } }, PLACED, { body: { code: 'w' }, headers: { etag: '"2"' } }]);
  for await (const _ of oms.orders.listOrders({ status: 'PAID', limit: 10 })) assert.fail();
  assert.equal(sent[0]?.url, 'https://oms.example/orders?status=PAID&limit=10');
  assert.equal(sent[0]?.headers.get('authorization'), 'Bearer secret');
  assert.equal(sent[0]?.headers.has('idempotency-key'), false);
  await oms.orders.placeOrder(ORDER, { idempotencyKey: 'my key' });
  assert.equal(sent[1]?.headers.get('idempotency-key'), 'my key');
  assert.equal(sent[1]?.headers.get('content-type'), 'application/json');
  assert.deepEqual(JSON.parse(sent[1]?.body ?? ''), ORDER);
  const changed = await oms.inventory.changeProduct(ID, { name: 'Mug' }, { ifMatch: '"1"' });
  assert.deepEqual([sent[2]?.method, sent[2]?.url], ['PATCH', `https://oms.example/products/${ID}`]);
  assert.equal(sent[2]?.headers.get('if-match'), '"1"');
  assert.equal(changed.etag, '"2"');
});

test('a value of a path cannot leave its place', async () => {
  const { oms, sent } = fake([{}]);
  await oms.orders.getOrder('../products?x=1');
  assert.equal(sent[0]?.url, 'https://oms.example/orders/..%2Fproducts%3Fx%3D1');
  await assert.rejects(oms.orders.getOrder(''), TypeError);
});

test('the credential is asked for at each try', async () => {
  let asked = 0;
  const { oms, sent } = fake([problem(503, 'service.overloaded', { retryable: true }), PLACED], {
    credential: async () => `token ${(asked += 1)}`,
  });
  await oms.orders.placeOrder(ORDER);
  assert.deepEqual(sent.map((it) => it.headers.get('authorization')), ['Bearer token 1', 'Bearer token 2']);
});

test('an empty credential is not sent', async () => {
  const { oms, sent } = fake([PLACED], { credential: '' });
  await oms.orders.placeOrder(ORDER);
  assert.equal(sent[0]?.headers.has('authorization'), false);
});

test('all tries of a call have one key, and another call has another', async () => {
  const { oms, sent } = fake([CUT, { status: 502, body: '<html>' }, CUT, PLACED]);
  const placed = await oms.orders.placeOrder(ORDER);
  await oms.orders.placeOrder(ORDER);
  const keys = sent.map((it) => it.headers.get('idempotency-key'));
  assert.equal(keys.length, 5);
  assert.equal(new Set(keys.slice(0, 4)).size, 1);
  assert.match(keys[0] ?? '', /^[0-9a-f-]{36}$/);
  assert.notEqual(keys[4], keys[0]);
  assert.equal(placed.idempotencyKey, keys[0]);
});

test('what can be repeated is tried four times with growing pauses', async () => {
  for (const reply of [
    CUT,
    { status: 502, body: 'Bad gateway' },
    problem(503, 'service.overloaded'),
    problem(408, 'request.timeout'),
    problem(429, 'access.rate_limited'),
    problem(500, 'orders.outcome_unknown'),
  ]) {
    const { oms, sent, pauses } = fake([reply]);
    await assert.rejects(oms.orders.placeOrder(ORDER));
    assert.equal(sent.length, 4, JSON.stringify(reply));
    assert.deepEqual(pauses, [250, 500, 1000]);
  }
});

test('a refusal is not repeated', async () => {
  for (const [status, code] of [
    [400, 'request.invalid'],
    [402, 'orders.payment_declined'],
    [429, 'orders.too_many_unpaid'],
    [429, 'orders.too_many_units'],
    [429, 'orders.too_many_declines'],
    [422, 'orders.product_not_sold'],
    [500, 'service.internal'],
  ] as const) {
    const { oms, sent } = fake([problem(status, code, { retryable: status === 429 })]);
    await assert.rejects(oms.orders.placeOrder(ORDER), (error) => isProblem(error, code));
    assert.equal(sent.length, 1, code);
  }
});

test('a change without a key is repeated only if nothing was done', async () => {
  const change = async (reply: Reply) => {
    const { oms, sent } = fake([reply]);
    await assert.rejects(oms.inventory.changeProduct(ID, { name: 'Mug' }, { ifMatch: '"1"' }));
    return sent.length;
  };
  assert.equal(await change(CUT), 1);
  assert.equal(await change({ status: 504, body: 'timeout' }), 1);
  assert.equal(await change(problem(503, 'inventory.outcome_unknown', { retryable: true })), 1);
  assert.equal(await change(problem(412, 'request.precondition_failed', { retryable: false })), 1);
  assert.equal(await change(problem(503, 'service.overloaded', { retryable: true })), 4);
});

test('a POST that is its own key is repeated without one', async () => {
  const { oms, sent } = fake([CUT, {}]);
  const { customerId: _, paymentMethod: __, ...order } = ORDER;
  await oms.orders.previewRouting(order);
  assert.equal(sent.length, 2);
  assert.equal(sent[1]?.headers.has('idempotency-key'), false);
});

test('Retry-After is obeyed, and one beyond the deadline ends the call', async () => {
  const busy = (after: string) => problem(503, 'service.overloaded', { retryable: true }, { 'retry-after': after });
  const { oms, pauses } = fake([busy('3'), PLACED]);
  await oms.orders.placeOrder(ORDER);
  assert.deepEqual(pauses, [3000]);
  const late = fake([busy('30')]);
  await assert.rejects(late.oms.orders.placeOrder(ORDER, { timeoutMs: 20_000 }), (error) => {
    return error instanceof Problem && error.retryAfterMs === 30_000;
  });
  assert.deepEqual([late.sent.length, late.pauses], [1, []]);
});

test('an order in progress is waited for, and then reported as such with its key', async () => {
  const busy = problem(409, 'orders.in_progress', { orderId: ID }, { 'retry-after': '2', location: `/orders/${ID}` });
  const { oms, sent } = fake([busy, busy, busy, busy, busy, busy, PLACED]);
  const placed = await oms.orders.placeOrder(ORDER);
  assert.deepEqual([placed.status, sent.length], [201, 7]);
  const late = fake([busy]);
  await assert.rejects(late.oms.orders.placeOrder(ORDER, { timeoutMs: 1_000, idempotencyKey: 'k' }), (error) => {
    return error instanceof InProgress && error.idempotencyKey === 'k' && error.location === `/orders/${ID}`;
  });
});

test('a problem has what the service said', async () => {
  const errors = [{ field: 'items', message: 'is required' }];
  const { oms } = fake([problem(400, 'request.invalid', { detail: 'see errors', errors }, { 'x-request-id': 'r1' })]);
  const failed = await oms.orders.placeOrder(ORDER).catch((error: unknown) => error);
  assert.ok(isProblem(failed, 'request.invalid'));
  assert.deepEqual([failed.status, failed.code, failed.requestId], [400, 'request.invalid', 'r1']);
  assert.deepEqual(failed.errors, errors);
  assert.equal(failed.message, 'request.invalid: see errors');
  assert.ok(failed.idempotencyKey);
  assert.equal(isProblem(failed, 'orders.closed'), false);
  assert.equal(isProblem(new Error('x')), false);
});

test('an answer of something else is no problem of oms', async () => {
  const { oms } = fake([{ status: 404, body: '<html>' }]);
  await assert.rejects(oms.orders.getOrder(ID), (error) => error instanceof ConnectionFailed && error.status === 404);
});

test('a call ends when its caller ends it', async () => {
  const { oms, sent } = fake([CUT]);
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(oms.orders.placeOrder(ORDER, { signal }), /enough/);
  assert.equal(sent.length, 1);
});

test('a version that is known already is not read again', async () => {
  const { oms, sent } = fake([{ status: 304, headers: { etag: '"3"' } }]);
  const read = await oms.orders.getOrder(ID, { ifNoneMatch: '"3"' });
  assert.equal(sent[0]?.headers.get('if-none-match'), '"3"');
  assert.deepEqual([read.status, read.data, read.etag], [304, undefined, '"3"']);
});

test('a file is sent as it is', async () => {
  const { oms, sent } = fake([{ status: 201 }]);
  await oms.inventory.importStock('sku,warehouseId,quantity\n', 'text/csv', { allOrNothing: true });
  assert.equal(sent[0]?.headers.get('content-type'), 'text/csv');
  assert.deepEqual([sent[0]?.url, sent[0]?.body], [
    'https://oms.example/imports/stock?allOrNothing=true',
    'sku,warehouseId,quantity\n',
  ]);
});
