/**
 * The server of the example storefront: `node server.ts`. It holds the credential, which a browser must never have, and
 * passes on the few requests that a shopper may make.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isProblem, Oms } from '@oms/client';
import { catalogue, place, Refused, returned, view } from './shop.ts';
import { Live } from './live.ts';
import { customerOf, HEADERS, isFromThisSite, readJson, sendFile, sendJson } from './http.ts';

const oms = new Oms({ baseUrl: process.env['OMS_URL'] ?? 'http://127.0.0.1:3000', credential: process.env['OMS_KEY'] ?? '' });
const live = new Live(oms);
const ID = '[0-9a-f-]{36}';
const PAGES = new Map([['/', 'index.html'], ['/checkout', 'checkout.html']]);

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => fail(response, error));
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', origin());
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (request.headers.host !== new URL(origin()).host) return redirect(response, 308, `${origin()}${url.pathname}${url.search}`);
  const route = `${request.method} ${url.pathname}`;
  const customer = customerOf(request, response);
  if (request.method === 'POST' && !isFromThisSite(request, origin())) return sendJson(response, 403, { code: 'forbidden' });

  if (route === 'GET /api/catalogue') return sendJson(response, 200, await catalogue(oms));
  if (route === 'POST /api/orders') {
    return sendJson(response, 200, await place(oms, customer, await readJson(request), origin()));
  }
  if (route === 'GET /returned') {
    return redirect(response, 303, `/orders/${await returned(oms, customer, url.searchParams.get('checkout') ?? '')}`);
  }
  const id = new RegExp(`^GET /api/orders/(${ID})(/live)?$`).exec(route);
  if (id?.[1] !== undefined) {
    const order = await view(oms, customer, id[1]);
    if (id[2] === undefined) return sendJson(response, 200, order);
    return live.watch(id[1], response);
  }
  if (request.method !== 'GET') return sendJson(response, 404, { code: 'not_found' });
  const page = new RegExp(`^/orders/${ID}$`).test(url.pathname) ? 'order.html' : PAGES.get(url.pathname);
  return sendFile(response, page ?? url.pathname.replace(/^\/assets\//, ''));
}

function redirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { location }).end();
}

/** What the shopper learns of a refusal is its code, and what the page says about it. Everything else is in the log. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
  } else if (error instanceof Refused) {
    sendJson(response, error.status, { code: error.code });
  } else if (isProblem(error) && error.status < 500) {
    const { declineCode, unavailable, orderId } = error.body as Record<string, unknown>;
    sendJson(response, error.status, { code: error.code, declineCode, unavailable, orderId });
  } else {
    console.error(error);
    sendJson(response, 503, { code: 'unavailable' });
  }
}

/** The address of the shop. Orders, cookies and the bank's way back are bound to it. */
function origin(): string {
  return process.env['STOREFRONT_URL'] ?? `http://localhost:${(server.address() as AddressInfo).port}`;
}

server.listen(Number(process.env['STOREFRONT_PORT'] ?? 4000), '127.0.0.1', () => {
  console.log(`storefront listening on ${origin()}`);
  void live.follow();
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    live.end();
    server.close();
    server.closeAllConnections();
  });
}
