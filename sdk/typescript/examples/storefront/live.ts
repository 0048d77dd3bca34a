/** Notifies the pages of shoppers when their order changes. */
import type { ServerResponse } from 'node:http';
import type { Oms } from '@oms/client';

/** Keeps proxies from closing a connection on which nothing happens. */
const HEARTBEAT_MS = 15_000;

/** One loop over the feed serves all pages: each gets the news of its order as server-sent events. */
export class Live {
  readonly #oms: Oms;
  readonly #end = new AbortController();
  readonly #pages = new Map<string, Set<ServerResponse>>();

  constructor(oms: Oms) {
    this.#oms = oms;
  }

  /** Sends news of an order to a page, until it is closed. A page reads the order when its connection opens, and at all news. */
  watch(orderId: string, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    const pages = this.#pages.get(orderId) ?? new Set();
    this.#pages.set(orderId, pages.add(response));
    const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
    response.once('close', () => {
      clearInterval(heartbeat);
      pages.delete(response);
      if (pages.size === 0) this.#pages.delete(orderId);
    });
  }

  async follow(): Promise<void> {
    let isBehind = true;
    const save = () => {
      // The first cursor: pages that were open before it may have missed something.
      if (isBehind) for (const id of this.#pages.keys()) this.#notify(id);
      isBehind = false;
    };
    const events = this.#oms.events.follow({ cursor: 'latest', signal: this.#end.signal, save });
    for await (const event of events) this.#notify(event.subject.id);
  }

  end(): void {
    this.#end.abort();
  }

  #notify(orderId: string): void {
    for (const page of this.#pages.get(orderId) ?? []) page.write('event: change\ndata:\n\n');
  }
}
