import { EventFeed } from './follow.ts';
import { Api } from './operations.gen.ts';
import { Http, type KeyOptions, type OmsOptions, type Result } from './request.ts';
import type { NewOrder, Order, OrderSummary, PendingOrder } from './types.gen.ts';

/** An order that was placed and paid. */
export interface Paid extends Result<OrderSummary> {
  state: 'paid';
}

/** An order that was placed. The customer must act, as `data.payment` says, or the outcome of the payment is unknown. */
export interface Pending extends Result<PendingOrder> {
  state: 'pending';
  /** Reads the order until it is no longer waiting for its payment, and returns it; at the latest after this time. */
  settled(options?: SettleOptions): Promise<Order>;
}

export interface SettleOptions {
  /** Milliseconds. Default 60,000. */
  timeoutMs?: number;
  /** Milliseconds between two reads. Default 1,000. */
  intervalMs?: number;
  signal?: AbortSignal;
}

/** A client of oms. */
export class Oms extends Api {
  override readonly events: EventFeed;
  readonly #http: Http;

  constructor(options: OmsOptions) {
    const http = new Http(options);
    super(http);
    this.events = new EventFeed(http);
    this.#http = http;
  }

  /** Places an order, and says whether it is paid. A refusal is a `Problem`, such as `orders.payment_declined`. */
  async place(order: NewOrder, options?: KeyOptions): Promise<Paid | Pending> {
    const placed = await this.orders.placeOrder(order, options);
    if (placed.status !== 202) {
      return { ...(placed as Result<OrderSummary>), state: 'paid' };
    }
    const pending = placed as Result<PendingOrder>;
    return { ...pending, state: 'pending', settled: (how) => this.#settled(pending.data.orderId, how) };
  }

  async #settled(id: string, { timeoutMs = 60_000, intervalMs = 1_000, signal }: SettleOptions = {}): Promise<Order> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const left = Math.max(1, deadline - Date.now());
      const { data } = await this.orders.getOrder(id, { timeoutMs: left, ...(signal && { signal }) });
      if (data.status !== 'PENDING_PAYMENT' || Date.now() + intervalMs >= deadline) return data;
      await this.#http.pause(intervalMs, signal ?? new AbortController().signal);
    }
  }
}
