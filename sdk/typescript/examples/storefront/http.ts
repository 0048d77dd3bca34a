/** What every server needs: bodies, files, cookies, and the headers that protect a page. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { Refused } from './shop.ts';

const PUBLIC = join(import.meta.dirname, 'public');
const MAX_BODY = 16_384;
const COOKIE = 'customer';
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A page may load and call only what is here. The bank's page is reached by a link, which needs no permission. */
export const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/**
 * The shopper's customer ID: a random number in a cookie that scripts can't read. A browser that has it sees the orders that were
 * placed with it, and nobody can guess it. A shop with accounts takes the ID of the account.
 */
export function customerOf(request: IncomingMessage, response: ServerResponse): string {
  const found = new RegExp(`(?:^|; )${COOKIE}=([0-9a-f-]{36})(?:;|$)`).exec(request.headers.cookie ?? '');
  if (found?.[1] !== undefined) return found[1];
  const id = randomUUID();
  response.setHeader('set-cookie', `${COOKIE}=${id}; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000`);
  return id;
}

/** Whether a page of this shop sent the request, so that no other site can order with the shopper's cookie. */
export function isFromThisSite(request: IncomingMessage, origin: string): boolean {
  return request.headers['sec-fetch-site'] === 'same-origin' || request.headers.origin === origin;
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Refused(413, 'too_large');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, 'invalid');
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export async function sendFile(response: ServerResponse, name: string): Promise<void> {
  const type = TYPES[extname(name)];
  // Only names, so that no path leads out of the folder.
  if (type === undefined || !/^[a-z]+\.[a-z]+$/.test(name)) throw new Refused(404, 'not_found');
  const content = await readFile(join(PUBLIC, name)).catch(() => {
    throw new Refused(404, 'not_found');
  });
  response.writeHead(200, { 'content-type': type }).end(content);
}
