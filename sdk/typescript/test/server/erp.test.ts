/** 1,000 orders under faults, and the ERP of the examples beside them: it ends with the same books as oms. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConnectionFailed, isProblem, type Oms, type types } from '../../src/index.ts';
import { ORDER } from '../fake.ts';
import { Project } from './project.ts';
import { Shop } from './shop.ts';

const ORDERS = 1_000;
const AT_A_TIME = 24;
/** Every order in so many is refunded. */
const REFUNDED = 20;
const DECLINED = 25;

let project: Project;
let shop: Shop;
let oms: Oms;
before(async () => {
  project = new Project();
  shop = await Shop.open({ OMS_SWEEP_AFTER_MS: '2000' });
  oms = shop.client({ sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))) });
});
after(async () => {
  await shop?.close();
  project?.remove();
});

interface Books {
  orders: Record<string, { reference?: string; status: string; total: number; held: number }>;
  journal: Record<string, number>;
}

/** Calls until there is an answer, with the same key. */
async function answered<T>(call: (options: { idempotencyKey: string }) => Promise<T>): Promise<T> {
  const idempotencyKey = randomUUID();
  for (;;) {
    try {
      return await call({ idempotencyKey });
    } catch (error) {
      const isPassing = error instanceof ConnectionFailed || (isProblem(error) && error.retryable);
      if (!isPassing) throw error;
    }
  }
}

/** Places the order of a customer who does not give up, except for a declined card. */
async function buy(number: number): Promise<void> {
  const isDeclined = number % DECLINED === 0;
  const paymentMethod = isDeclined ? 'pm_card_visa_chargeDeclined' : 'pm_card_visa';
  const order: types.NewOrder = { ...ORDER, paymentMethod, externalReference: `A-${number}` };
  for (;;) {
    try {
      const placed = await answered((options) => oms.place(order, options));
      const settled = placed.state === 'pending' ? await placed.settled({ timeoutMs: 300_000, intervalMs: 50 }) : placed.data;
      if (settled.status === 'FAILED') continue;
      if (number % REFUNDED === 0) {
        const { orderId } = placed.data;
        await answered((options) => oms.orders.refundOrder(orderId, { reason: 'did not fit' }, options));
        const isRefunded = async () => (await answered(() => oms.orders.getOrder(orderId))).data.status === 'REFUNDED';
        while (!(await isRefunded())) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return;
    } catch (error) {
      if (isDeclined && isProblem(error, 'orders.payment_declined')) return;
      // Nothing was paid: it is bought again.
      if (!isProblem(error, 'orders.payment_voided', 'orders.closed', 'orders.payment_declined')) throw error;
    }
  }
}

test('an ERP that follows the feed has the books of oms after 1,000 orders', async () => {
  const warehouseId = '00000001-0000-4000-8000-000000000000';
  const stock = { warehouseId, lines: [{ productId: ORDER.items[0]?.productId ?? '', quantity: 5 * ORDERS }] };
  await answered((options) => oms.inventory.receiveStock(stock, options));
  const file = join(project.folder, 'books.json');
  const program = project.copy('examples/erp/erp.ts');
  const begin = () => project.start(program, [file], { OMS_URL: shop.wire.url, OMS_KEY: '' });
  let erp = begin();
  const fault = (operation: string, action: object) => ({ operation, action, skip: 40, times: 3 });
  const rules = [
    fault('confirm', { type: 'error_after', status: 500 }),
    fault('confirm', { type: 'error_before', status: 503 }),
    fault('confirm', { type: 'truncate' }),
    fault('confirm', { type: 'refuse' }),
    fault('create', { type: 'error_after', status: 502 }),
    fault('create', { type: 'error_before', status: 429 }),
    fault('refund', { type: 'error_after', status: 500 }),
  ];
  await shop.sandbox('POST', 'faults', { rules });

  let next = 1;
  const disturb = async (number: number) => {
    if (number % 90 === 0) shop.wire.cut();
    if (number % 130 === 0) shop.wire.lose({ requests: 1, answers: 2 });
    if (number === 300 || number === 700) {
      await shop.restart();
      // Nobody works on what the process had claimed.
      await shop.makeDue();
    }
    if (number % 250 === 0) {
      erp.kill('SIGKILL');
      erp = begin();
    }
  };
  const customer = async () => {
    for (let number = next++; number <= ORDERS; number = next++) {
      await disturb(number);
      await buy(number);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, customer));
  await shop.release();
  // Everything before this order is settled, so its events are the last ones.
  await buy(ORDERS + 1);
  const isLast = (it: { reference?: string; status: string }) => it.reference === `A-${ORDERS + 1}` && it.status === 'PAID';
  let books: Books = { orders: {}, journal: {} };
  while (!Object.values(books.orders).some(isLast)) {
    assert.equal(erp.exitCode, null, 'the ERP ended');
    // The ERP is connected through this process.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (existsSync(file)) books = JSON.parse(readFileSync(file, 'utf8')) as Books;
  }
  erp.kill('SIGKILL');

  const expected: Books['orders'] = {};
  for await (const it of oms.orders.listOrders({ limit: 100 })) {
    const { data: order } = await oms.orders.getOrder(it.orderId);
    const { status, total, held, externalReference } = order;
    expected[it.orderId] = { status, total: total.amountMinor, held: held.amountMinor, ...(externalReference && { reference: externalReference }) };
  }
  const found = Object.entries(books.orders).map(([id, { reference, status, total, held }]) => [id, { status, total, held, reference }]);
  assert.deepEqual(Object.fromEntries(found), expected);
  // One live order for each purchase, and the money of the gateway.
  const live = Object.values(expected).filter((it) => it.status !== 'FAILED');
  assert.equal(new Set(live.map((it) => it.reference)).size, live.length);
  assert.equal(live.length, ORDERS - ORDERS / DECLINED + 1);
  const held = live.reduce((sum, it) => sum + it.held, 0);
  const journal = Object.values(books.journal).reduce((sum, amount) => sum + amount, 0);
  let charged = 0;
  for (const id of Object.keys(expected)) {
    const { capturedMinor, refundedMinor } = await shop.charged(id);
    charged += capturedMinor - refundedMinor;
  }
  assert.deepEqual([journal, charged], [held, held]);
});
