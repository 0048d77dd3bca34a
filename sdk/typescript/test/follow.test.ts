import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProblem, type OmsEvent } from '../src/index.ts';
import { fake, ID, problem, type Reply } from './fake.ts';

const CUT = new TypeError('fetch failed');
const EXPIRED = problem(410, 'events.cursor_expired', { retryable: false });

function page(cursor: string, sequences: number[], hasMore = true): Reply {
  const items = sequences.map((sequence) => ({
    id: `evt_${sequence}`,
    type: 'order.paid',
    sequence,
    subject: { type: 'order', id: ID },
    data: { orderId: ID, status: 'PAID' },
  }));
  return { body: { items, cursor, hasMore } };
}

/** Follows until the feed refuses, and returns what was seen and saved, in order. */
async function followed(replies: Reply[], more: object = {}) {
  const { oms, sent, pauses } = fake([...replies, EXPIRED]);
  const log: (number | string)[] = [];
  const loop = async () => {
    for await (const event of oms.events.follow({ cursor: 'earliest', save: (it) => log.push(it), ...more })) {
      log.push('sequence' in event ? event.sequence : event.id);
    }
  };
  await assert.rejects(loop(), (error) => isProblem(error, 'events.cursor_expired'));
  const queries = sent.map((it) => Object.fromEntries(new URL(it.url).searchParams));
  return { log, queries, pauses };
}

test('a cursor is saved when the loop has seen all events before it', async () => {
  const { log, queries } = await followed([page('a', [1, 2]), page('b', [3], false)]);
  assert.deepEqual(log, [1, 2, 'a', 3, 'b']);
  assert.deepEqual(queries, [{ after: 'earliest' }, { after: 'a' }, { after: 'b', wait: '25' }]);
});

test('only a request at the end of the feed waits, and an unchanged cursor is not saved again', async () => {
  const { log, queries } = await followed([page('a', [], true), page('b', [], false), page('b', [], false)], { waitS: 5 });
  assert.deepEqual(log, ['a', 'b']);
  assert.deepEqual(queries.map((it) => it['wait']), [undefined, undefined, '5', '5']);
});

test('the selection is part of each request', async () => {
  const options = { types: ['order.paid', 'shipment.*'], subjectId: ID, limit: 7 } as const;
  const { queries } = await followed([page('a', [])], options);
  const selected = { types: 'order.paid,shipment.*', subjectId: ID, limit: '7' };
  assert.deepEqual(queries, [{ after: 'earliest', ...selected }, { after: 'a', ...selected }]);
});

test('an outage is survived with growing pauses, and the same cursor is sent again', async () => {
  const outage = [CUT, { status: 502, body: '<html>' }, problem(500, 'service.internal'), problem(503, 'service.overloaded')];
  const { log, queries, pauses } = await followed([page('a', [1]), ...outage, ...outage, ...outage, page('b', [2])]);
  assert.deepEqual(log, [1, 'a', 2, 'b']);
  assert.ok(queries.slice(1, -1).every((it) => it['after'] === 'a'));
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000, 30000]);
});

test('pauses begin small again after an answer, and Retry-After is obeyed', async () => {
  const busy = problem(429, 'events.too_many_waiting', { retryable: true }, { 'retry-after': '7' });
  const told: number[] = [];
  const onOutage = (_: unknown, ms: number) => told.push(ms);
  const { pauses } = await followed([CUT, CUT, page('a', []), busy, CUT], { onOutage });
  assert.deepEqual(pauses, [250, 500, 7000, 500]);
  assert.deepEqual(told, pauses);
});

test('a refusal ends the loop', async () => {
  for (const [status, code] of [
    [400, 'events.invalid_cursor'],
    [401, 'access.unauthenticated'],
    [403, 'access.forbidden'],
  ] as const) {
    const { oms, sent } = fake([problem(status, code, { retryable: false })]);
    const loop = oms.events.follow({ cursor: 'x' }).next();
    await assert.rejects(loop, (error) => error instanceof Error && error.message.startsWith(code));
    assert.equal(sent.length, 1);
  }
});

test('what the loop throws, or leaves, is not saved', async () => {
  const { oms } = fake([page('a', [1, 2])]);
  const saved: string[] = [];
  const options = { cursor: 'earliest', save: (it: string) => saved.push(it) };
  const loop = async () => {
    for await (const event of oms.events.follow(options)) {
      if ('sequence' in event && event.sequence === 2) throw new Error('no room');
    }
  };
  await assert.rejects(loop(), /no room/);
  for await (const _ of oms.events.follow(options)) break;
  assert.deepEqual(saved, []);
});

test('an error of save ends the loop', async () => {
  const { oms } = fake([page('a', [1])]);
  const save = async () => {
    throw new Error('disk full');
  };
  const seen: OmsEvent[] = [];
  const loop = async () => {
    for await (const event of oms.events.follow({ cursor: 'earliest', save })) seen.push(event);
  };
  await assert.rejects(loop(), /disk full/);
  assert.equal(seen.length, 1);
});

test('a signal ends the loop, wherever it is', async () => {
  const saved: string[] = [];
  const save = (it: string) => saved.push(it);
  // In the body, after the last event of an answer: its cursor is saved.
  let end = new AbortController();
  const { oms, sent } = fake([page('a', [1, 2])]);
  for await (const event of oms.events.follow({ cursor: 'earliest', save, signal: end.signal })) {
    if ('sequence' in event && event.sequence === 2) end.abort();
  }
  assert.deepEqual([saved, sent.length], [['a'], 1]);
  // In the body, before it: it is not.
  end = new AbortController();
  for await (const _ of oms.events.follow({ cursor: 'earliest', save, signal: end.signal })) end.abort();
  assert.deepEqual([saved, sent.length], [['a'], 2]);
  // While a request waits.
  end = new AbortController();
  const waiting = fake([], {
    fetch: (_, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        end.abort();
      }),
  });
  for await (const _ of waiting.oms.events.follow({ cursor: 'a', signal: end.signal })) assert.fail();
  // In a pause.
  end = new AbortController();
  const { oms: cut, sent: tries } = fake([CUT], { sleep: async () => end.abort() });
  for await (const _ of cut.events.follow({ cursor: 'a', signal: end.signal })) assert.fail();
  assert.equal(tries.length, 1);
  // Before it begins.
  for await (const _ of cut.events.follow({ cursor: 'a', signal: AbortSignal.abort() })) assert.fail();
  assert.equal(tries.length, 1);
});
