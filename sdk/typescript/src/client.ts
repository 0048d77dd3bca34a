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
  readonly #options: OmsOptions;

  constructor(options: OmsOptions) {
    super(new Http(options));
    this.#options = options;
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
      const left = Math.max(1, deadline - Date.now());
      const { data } = await this.orders.getOrder(id, { timeoutMs: left, ...(signal && { signal }) });
      if (data.status !== 'PENDING_PAYMENT' || Date.now() + intervalMs >= deadline) return data;
      await pause(intervalMs, this.#options, signal);
    }
  }
}

async function pause(ms: number, options: OmsOptions, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const forever = new AbortController().signal;
  if (options.sleep) return options.sleep(ms, signal ?? forever);
  await new Promise((resolve) => setTimeout(resolve, ms));
}
