import { EventFeed } from './follow.ts';
import { Api } from './operations.gen.ts';
import { withKey } from './problem.ts';
import { type CallOptions, Http, type KeyOptions, type OmsOptions, type Result } from './request.ts';
import type { NewOrder, Order, OrderSummary, PendingOrder } from './types.gen.ts';

/** An order that was placed and is paid. */
export interface Paid extends Result<OrderSummary> {
  state: 'paid';
}

/** An order that was placed and paid by an earlier request with the key. Its money is going back or went back since. */
export interface Refunded extends Result<OrderSummary> {
  state: 'refunded';
}

/** An order that was placed. The customer must act, as `data.payment` says, or the outcome of the payment is unknown. */
export interface Pending extends Result<PendingOrder> {
  state: 'pending';
  /**
   * Reads the order until it no longer waits for its payment, and returns it; at the latest after `timeoutMs`, as it is
   * then. It survives outages. Its errors have the key of the order.
   */
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
  async place(order: NewOrder, options?: KeyOptions): Promise<Paid | Refunded | Pending> {
    const placed = await this.orders.placeOrder(order, options);
    if (placed.status !== 202) {
      const answered = placed as Result<OrderSummary>;
      return { ...answered, state: answered.data.status === 'PAID' ? 'paid' : 'refunded' };
    }
    const pending = placed as Result<PendingOrder>;
    return { ...pending, state: 'pending', settled: (how) => this.#settled(pending, how) };
  }

  async #settled(pending: Result<PendingOrder>, how: SettleOptions = {}): Promise<Order> {
    const { timeoutMs = 60_000, intervalMs = 1_000, signal } = how;
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const left = Math.max(1, deadline - Date.now());
      const { data } = await this.#read(pending, { timeoutMs: left, ...(signal && { signal }) });
      if (data.status !== 'PENDING_PAYMENT' || Date.now() + intervalMs >= deadline) return data;
      await this.#http.pause(intervalMs, signal ?? new AbortController().signal);
    }
  }

  /** Reads the order, as often as needed until the deadline. */
  async #read({ data: { orderId }, idempotencyKey }: Result<PendingOrder>, options: CallOptions): Promise<Result<Order>> {
    try {
      const tries = Number.POSITIVE_INFINITY;
      return await this.#http.send<Order>({ method: 'GET', path: '/orders/{id}', params: { id: orderId }, tries, options });
    } catch (error) {
      throw withKey(error, idempotencyKey);
    }
  }
}
