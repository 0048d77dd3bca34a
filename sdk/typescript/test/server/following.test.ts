/** The feed of a running server, while connections are cut and the server dies. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isProblem, type Oms, type OmsEvent } from '../../src/index.ts';
import { ORDER } from '../fake.ts';
import { Shop } from './shop.ts';

let shop: Shop;
let oms: Oms;
before(async () => {
  shop = await Shop.open();
  oms = shop.client();
});
after(() => shop?.close());

/** Follows until the feed has this many events of orders in status PAID. */
async function follow(cursor: string, paid: number, save: (cursor: string) => unknown = () => {}): Promise<OmsEvent[]> {
  const end = new AbortController();
  const seen: OmsEvent[] = [];
  const ids = new Set<string>();
  for await (const event of oms.events.follow({ cursor, save, limit: 3, signal: end.signal })) {
    seen.push(event);
    if (event.type === 'order.paid') ids.add(event.data.orderId);
    if (ids.size >= paid) end.abort();
  }
  return seen;
}

/** Asserts that the events of each order are numbered from 1 without gaps, and that none comes twice. */
function assertHistory(events: OmsEvent[], orders: string[]): void {
  const bySubject = new Map<string, number[]>();
  for (const event of events) {
    if (!('sequence' in event)) continue;
    const { id } = event.subject;
    bySubject.set(id, [...(bySubject.get(id) ?? []), event.sequence]);
  }
  assert.deepEqual([...bySubject.keys()].sort(), [...orders].sort());
  for (const [id, sequences] of bySubject) assert.deepEqual(sequences, [1, 2], id);
}

test('every event is seen once and in order, while connections are cut and the server dies', async () => {
  const placed: string[] = [];
  const seen = follow('earliest', 24);
  for (let round = 0; round < 4; round += 1) {
    const orders = await Promise.all(Array.from({ length: 6 }, () => oms.place(ORDER)));
    placed.push(...orders.map((it) => it.data.orderId));
    if (round === 1) await shop.restart();
    else shop.wire.cut();
  }
  assertHistory(await seen, placed);
});

test('what happened while nobody followed is read later, and waiting is answered at once', async () => {
  let cursor = '';
  const save = (it: string) => {
    cursor = it;
  };
  await follow('earliest', 24, save);
  const first = (await oms.place(ORDER)).data.orderId;
  const events = follow(cursor, 2, save);
  const second = (await oms.place(ORDER)).data.orderId;
  assertHistory(await events, [first, second]);
  // The last answer ended with the last event, so its cursor was saved.
  const third = follow(cursor, 1);
  const last = (await oms.place(ORDER)).data.orderId;
  assertHistory(await third, [last]);
});

test('a selection has only its events', async () => {
  const end = new AbortController();
  const types = [];
  for await (const event of oms.events.follow({ cursor: 'earliest', types: ['order.paid'], limit: 500, signal: end.signal })) {
    types.push(event.type);
    if (types.length === 27) end.abort();
  }
  assert.deepEqual(new Set(types), new Set(['order.paid']));
});

test('a cursor whose events were deleted is a problem that the loop throws', async () => {
  await shop.sql("UPDATE events.segments SET written_at = now() - interval '8 days'");
  await shop.restart({ OMS_EVENTS_RETENTION_DAYS: '7', OMS_RETENTION_INTERVAL_MS: '10' });
  const isExpired = (error: unknown) => isProblem(error, 'events.cursor_expired') && error.status === 410;
  for (;;) {
    const error = await oms.events.listEvents({ after: 'e0000000000000001' }).catch((it: unknown) => it);
    if (isExpired(error)) break;
  }
  await assert.rejects(follow('e0000000000000001', 1), isExpired);
  await assert.rejects(follow('nonsense', 1), (error) => isProblem(error) && error.status === 400);
});
