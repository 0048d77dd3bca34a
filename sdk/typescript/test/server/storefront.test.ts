/** The example storefront in a browser: each purchase is one order and one charge, and no page has a barrier that axe finds. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ROOT } from './project.ts';
import { Shop } from './shop.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** No page of these tests waits for a time, so only a defect lets this pass. */
const PATIENCE_MS = 120_000;

let shop: Shop;
let browser: Browser;
let front: ChildProcess;
let url: string;
before(async () => {
  shop = await Shop.open();
  const scopes = ['orders:read', 'orders:write', 'inventory:read', 'events:read'].flatMap((it) => ['--scope', it]);
  const key = await shop.command('keys', 'create', '--name', 'storefront', ...scopes);
  const env = { ...process.env, OMS_URL: shop.apiUrl, OMS_KEY: key, STOREFRONT_PORT: '0' };
  front = spawn(process.execPath, ['examples/storefront/server.ts'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
  url = await new Promise((resolve, reject) => {
    front.once('exit', () => reject(new Error('the storefront ended')));
    if (front.stdout === null) return reject(new Error('it says nothing'));
    createInterface({ input: front.stdout }).on('line', (line) => {
      const found = /listening on (http:\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  // Chromium refuses to run as root in its sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launch({ executablePath: chromiumPath(), args });
});
after(async () => {
  await browser?.close();
  front?.removeAllListeners('exit').kill();
  await shop?.close();
});

/** The browser of the other tests. */
function chromiumPath(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = folders.map((it) => join(it, 'chromium-headless-shell'));
  const found = [process.env['OMS_TEST_BROWSER'] ?? '', ...paths].find((it) => it !== '' && existsSync(it));
  if (found === undefined) throw new Error('chromium-headless-shell is missing: OMS_TEST_BROWSER may name a Chromium or Chrome');
  return found;
}

/** A shopper with a browser of their own. What the page says on its console, except for refused requests, is a failure. */
async function shopper(options: object = {}): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (!/status of (402|409|422|503)/.test(message.text())) throw new Error(message.text());
  });
  page.on('pageerror', (error) => {
    throw error;
  });
  return page;
}

/** Puts things into the bag, and fills in the form. */
async function fill(page: Page, card: string, ...things: string[]): Promise<void> {
  await page.goto(url);
  for (const it of things) await page.getByRole('button', { name: `Add to bag: ${it}` }).click();
  await page.getByRole('link', { name: /^Bag/ }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Ann Miller');
  await page.getByRole('textbox', { name: 'Street' }).fill('191 Peachtree St NE');
  await page.getByRole('combobox', { name: 'City' }).selectOption('Atlanta');
  await page.getByText(card).click();
}

const pay = (page: Page) => page.getByRole('button', { name: /^Pay/ }).click();
const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();

/** Asserts that the newest orders have these statuses, oldest first, and that only paid ones were charged, once. */
async function assertOrders(known: Set<string>, ...statuses: string[]): Promise<string[]> {
  const found = [];
  for await (const order of shop.client().orders.listOrders({ sort: 'oldest' })) if (!known.has(order.orderId)) found.push(order);
  assert.deepEqual(found.map((it) => it.status), statuses);
  for (const { orderId, status, total } of found) {
    const { charges, capturedMinor } = await shop.charged(orderId);
    const isPaid = status === 'PAID';
    assert.deepEqual([charges, capturedMinor], [isPaid ? 1 : 0, isPaid ? total.amountMinor : 0]);
  }
  return found.map((it) => it.orderId);
}

async function orders(): Promise<Set<string>> {
  const known = new Set<string>();
  for await (const { orderId } of shop.client().orders.listOrders()) known.add(orderId);
  return known;
}

test('a plain card pays, and the page follows the order until it is delivered', async () => {
  const known = await orders();
  const page = await shopper();
  await fill(page, '4242', 'Enamel cup', 'Enamel cup', 'Brass lamp');
  await page.getByRole('button', { name: 'One Brass lamp more' }).click();
  await page.getByRole('button', { name: 'Pay $60.00' }).click();
  await heading(page, 'Thank you');
  const [id = ''] = await assertOrders(known, 'PAID');
  await page.getByText('This page is live.').waitFor();
  // The warehouse sends it, and nobody loads the page again.
  const oms = shop.client();
  const { data: order } = await oms.orders.getOrder(id);
  const work = order.fulfilmentOrders?.[0]?.id ?? '';
  const sent = await oms.fulfilment.createShipment(work, { parcels: [{ carrier: 'UPS', trackingNumber: '1Z999' }] });
  await heading(page, 'It is on its way');
  await page.getByText('UPS 1Z999').waitFor();
  await oms.fulfilment.deliverShipment(sent.data.id, {});
  await heading(page, 'It has arrived');
  assert.equal(await page.locator('[data-count]').isVisible(), false);
  await page.context().close();
});

test('3-D Secure: the shopper confirms', async () => {
  const known = await orders();
  const page = await shopper();
  await fill(page, '3220', 'Linen towels');
  await pay(page);
  await page.getByRole('button', { name: 'Complete authentication' }).click();
  await heading(page, 'Thank you');
  await assertOrders(known, 'PAID');
  await page.context().close();
});

test('3-D Secure: the shopper leaves the page of the bank, comes back, and confirms', async () => {
  const known = await orders();
  const page = await shopper();
  await fill(page, '3220', 'Linen towels');
  await pay(page);
  await page.getByRole('button', { name: 'Complete authentication' }).waitFor();
  const [id = ''] = await assertOrders(known, 'PENDING_PAYMENT');
  await page.goto(`${url}/orders/${id}`);
  await heading(page, 'Your bank wants to hear from you');
  await page.getByRole('link', { name: 'Confirm the payment' }).click();
  await page.getByRole('button', { name: 'Complete authentication' }).click();
  await heading(page, 'Thank you');
  await assertOrders(known, 'PAID');
  await page.context().close();
});

test('3-D Secure: the shopper refuses, and buys with another card', async () => {
  const known = await orders();
  const page = await shopper();
  await fill(page, '3220', 'Beeswax candle');
  await pay(page);
  await page.getByRole('button', { name: 'Fail authentication' }).click();
  await heading(page, 'The payment did not go through');
  await assertOrders(known, 'FAILED');
  await page.getByRole('link', { name: 'Back to your bag' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Ann Miller');
  await page.getByRole('textbox', { name: 'Street' }).fill('191 Peachtree St NE');
  await pay(page);
  await heading(page, 'Thank you');
  await assertOrders(known, 'FAILED', 'PAID');
  await page.context().close();
});

test('a declined card is reported, and another one pays', async () => {
  const known = await orders();
  const page = await shopper();
  await fill(page, '9995', 'Beeswax candle');
  await pay(page);
  await page.getByRole('alert').filter({ hasText: 'declined' }).waitFor();
  await page.getByText('4242').click();
  await pay(page);
  await heading(page, 'Thank you');
  await assertOrders(known, 'FAILED', 'PAID');
  await page.context().close();
});

test('the page is loaded again while the payment is in progress: one order', async () => {
  const known = await orders();
  await shop.fault('confirm', { type: 'hold' });
  const page = await shopper();
  await fill(page, '4242', 'Beeswax candle');
  await pay(page);
  await page.getByRole('button', { name: 'Paying…' }).waitFor();
  while ((await orders()).size === known.size);
  await page.reload();
  await page.getByRole('button', { name: 'Paying…' }).waitFor();
  await shop.release();
  await heading(page, 'Thank you');
  await assertOrders(known, 'PAID');
  await page.context().close();
});

test('things that no single warehouse has are refused in words', async () => {
  const page = await shopper();
  await fill(page, '4242', 'Linen towels', 'Walnut board');
  await pay(page);
  await page.getByRole('alert').filter({ hasText: 'together' }).waitFor();
  await page.getByRole('button', { name: 'One Walnut board less' }).click();
  await pay(page);
  await heading(page, 'Thank you');
  await page.context().close();
});

test('an order is shown to its customer only, and no other site can place one', async () => {
  const page = await shopper();
  await fill(page, '4242', 'Enamel cup');
  await pay(page);
  await heading(page, 'Thank you');
  const path = new URL(page.url()).pathname;
  const stranger = await fetch(`${url}/api${path}`);
  assert.deepEqual([stranger.status, await stranger.json()], [404, { code: 'not_found' }]);
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example', 'content-type': 'application/json' };
  assert.equal((await fetch(`${url}/api/orders`, { method: 'POST', headers, body: '{}' })).status, 403);
  for (const body of ['{', '{}', '[]', '{"checkout":"x"}']) {
    const refused = await fetch(`${url}/api/orders`, { method: 'POST', headers: { origin: url }, body });
    assert.equal(refused.status, 400, body);
  }
  assert.equal((await fetch(`${url}/assets/..%2fserver.ts`)).status, 404);
  await page.context().close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 320]) {
    test(`axe finds no barrier, and nothing is too wide: ${colorScheme}, ${width} px`, async () => {
      const page = await shopper({ colorScheme, viewport: { width, height: 700 }, bypassCSP: true, reducedMotion: 'reduce' });
      const assertFlawless = async () => {
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
          return (await axe.run()).violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(' ')}`);
        });
        assert.deepEqual(found, []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      };
      await fill(page, '9995', 'Enamel cup');
      await page.goBack();
      await page.getByRole('button', { name: 'Add to bag: Brass lamp' }).waitFor();
      await assertFlawless();
      await page.goForward();
      await page.getByRole('textbox', { name: 'Name' }).fill('Ann Miller');
      await page.getByRole('textbox', { name: 'Street' }).fill('191 Peachtree St NE');
      await page.getByText('9995').click();
      await pay(page);
      await page.getByRole('alert').filter({ hasText: 'declined' }).waitFor();
      await assertFlawless();
      await page.getByText('4242').click();
      // With the keyboard alone.
      await page.keyboard.press('Enter');
      await heading(page, 'Thank you');
      await assertFlawless();
      await page.context().close();
    });
  }
}
