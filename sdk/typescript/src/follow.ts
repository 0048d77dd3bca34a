import { ConnectionFailed, Problem } from './problem.ts';
import type { Http } from './request.ts';
import { Events } from './operations.gen.ts';
import { mayRepeat } from './retry.ts';
import type { EventPage, Webhooks } from './types.gen.ts';

/** An event of the feed. `type` distinguishes them. Newer versions of the service have further types: ignore those that you don't know. */
export type OmsEvent = Webhooks['body'];

/** The types of events, and their areas, such as `order.*`. */
export type EventSelection = OmsEvent['type'] | `${string}.*`;

/** The events of a selection. */
export type Selected<S extends EventSelection> = S extends `${infer Area}.*`
  ? Extract<OmsEvent, { type: `${Area}.${string}` }>
  : Extract<OmsEvent, { type: S }>;

/** An event about an order. `sequence` numbers the events of an order from 1 on, without gaps. */
export type EventOfOrder = Extract<OmsEvent, { sequence: number }>;

/** Whether an event is about an order, whose ID is `event.subject.id`. */
export function isAboutOrder(event: OmsEvent): event is EventOfOrder {
  return event.subject.type === 'order';
}

/** How to follow the feed. */
export interface FollowOptions<S extends EventSelection = EventSelection> {
  /** The cursor that was saved last, `earliest` for everything that is kept, or `latest` for what happens from now on. */
  cursor: string;
  /**
   * Stores a cursor. It is called when the body of the loop has run for all events before the cursor, also if the filter
   * selected none of them.
   */
  save?: (cursor: string) => unknown;
  /** Only events of these types. Default: all. */
  types?: readonly S[];
  /** Only events about this order, dead letter, finding or change of stock. */
  subjectId?: string;
  /** Maximum events of a request: 1–500, default 100. `save` is called once for each request. */
  limit?: number;
  /** Seconds for which the service holds a request until there are events: 0–25, default 25. */
  waitS?: number;
  /** Ends the loop, without an error. */
  signal?: AbortSignal;
  /** Called with the error of each request that is going to be repeated, and with the milliseconds of the pause before it. */
  onOutage?: (error: Problem | ConnectionFailed, pauseMs: number) => void;
}

/** Longest pause between two requests during an outage, unless the service names one. */
const LONGEST_PAUSE_MS = 30_000;
/** Added to the time for which the service holds a request: after that the connection counts as dead. */
const MARGIN_MS = 15_000;
const WAIT_S = 25;

/** Operations of events, and the feed as a loop. */
export class EventFeed extends Events {
  readonly #http: Http;

  constructor(http: Http) {
    super(http);
    this.#http = http;
  }

  /**
   * Iterates over the events of the feed, and waits for new ones. The loop survives outages: it repeats its request until
   * the service answers. It ends by `break`, by `signal`, or with a refusal, such as `events.cursor_expired`. What its body
   * and `save` throw ends it too, also during an outage.
   */
  async *follow<S extends EventSelection = EventSelection>(
    options: FollowOptions<S>,
  ): AsyncGenerator<Selected<S>, void, undefined> {
    const { signal = new AbortController().signal } = options;
    let cursor = options.cursor;
    let hasMore = true;
    while (!signal.aborted) {
      const page = await this.#next(options, cursor, hasMore, signal);
      if (page === undefined) return;
      for (const event of page.items) {
        yield event as Selected<S>;
        if (signal.aborted && event !== page.items.at(-1)) return;
      }
      if (page.cursor !== cursor) await options.save?.(page.cursor);
      ({ cursor, hasMore } = page);
    }
  }

  /** Reads the next page, as often as needed. Undefined if the caller ended it. */
  async #next(
    { types, subjectId, limit, waitS = WAIT_S, onOutage }: FollowOptions,
    after: string,
    hasMore: boolean,
    signal: AbortSignal,
  ): Promise<EventPage | undefined> {
    const wait = hasMore ? undefined : waitS;
    const query = { after, types: types?.join(','), subjectId, limit, wait };
    const timeoutMs = (wait ?? 0) * 1000 + MARGIN_MS;
    for (let tried = 1; ; tried += 1) {
      try {
        const request = { method: 'GET', path: '/events', query, tries: 1, options: { signal, timeoutMs } } as const;
        return (await this.#http.send<EventPage>(request)).data;
      } catch (error) {
        if (signal.aborted) return undefined;
        if (!isOutage(error)) throw error;
        const pauseMs = this.#http.pauseMs(error, tried, LONGEST_PAUSE_MS);
        onOutage?.(error, pauseMs);
        await this.#http.pause(pauseMs, signal);
        if (signal.aborted) return undefined;
      }
    }
  }
}

/** Whether the same request may succeed later. */
function isOutage(error: unknown): error is Problem | ConnectionFailed {
  if (error instanceof Problem || error instanceof ConnectionFailed) {
    return mayRepeat(error, 'always') || (error.status ?? 0) >= 500;
  }
  return false;
}
