import { ConnectionFailed, InProgress, Problem } from './problem.ts';
import { isInProgress, mayRepeat, pauseMs, type Repeatable, retryAfterMs, TRIES } from './retry.ts';
import type { Problem as ProblemBody } from './types.gen.ts';

/** How to reach the service. */
export interface OmsOptions {
  /** Such as `https://oms.example`. */
  baseUrl: string;
  /** The API key or token, or a function that returns the current one. Without one, or with an empty one, none is sent. */
  credential?: string | (() => string | Promise<string>) | undefined;
  /** Milliseconds for a call with all its tries. Default 60,000. */
  timeoutMs?: number;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch;
  /** Replaces the clock of pauses between tries. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Replaces `Math.random`, which varies these pauses. */
  random?: () => number;
}

/** Options of one call. */
export interface CallOptions {
  /** Ends the call. A request that was sent may still be carried out. */
  signal?: AbortSignal;
  /** Milliseconds for the call with all its tries. */
  timeoutMs?: number;
}

/** Options of a call that changes something. */
export interface KeyOptions extends CallOptions {
  /** Default: a new UUID. All tries of the call have the same key. */
  idempotencyKey?: string;
}

/** Options of a call that changes a version. */
export interface VersionOptions extends CallOptions {
  /** The `etag` of the version that is changed, or `*` for any. */
  ifMatch: string;
}

/** An answer. */
export interface Result<T> {
  data: T;
  status: number;
  /** The version, for `ifMatch`. */
  etag: string | undefined;
  /** The path of the resource. */
  location: string | undefined;
  /** Whether an earlier request with the key was carried out, and not this one. */
  replayed: boolean;
  /** The key that the request was sent with. */
  idempotencyKey: string | undefined;
  requestId: string | undefined;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request, before its credential. */
export interface Request {
  method: Method;
  /** Such as `/orders/{id}`. */
  path: string;
  params?: Readonly<Record<string, string | number>>;
  query?: unknown;
  body?: unknown;
  /** The media type of a body that is sent as it is. Otherwise the body is sent as JSON. */
  mediaType?: string;
  headers?: Record<string, string | undefined>;
  /** Whether the request has an idempotency key. */
  keyed?: boolean;
  /** Maximum number of tries. Default 4. */
  tries?: number;
  /** Whether a request without a key can be repeated. Default: only a `GET`. */
  repeatable?: Repeatable;
  options?: (CallOptions & { idempotencyKey?: string; ifMatch?: string }) | undefined;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Sends requests, and repeats them where that is safe. */
export class Http {
  readonly #options: OmsOptions;
  readonly #base: string;

  constructor(options: OmsOptions) {
    this.#options = options;
    this.#base = options.baseUrl.replace(/\/+$/, '');
  }

  async send<T>(request: Request): Promise<Result<T>> {
    const { options = {} } = request;
    const url = this.#base + pathOf(request);
    const key = request.keyed === true ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined;
    const isSafe = request.method === 'GET' || key !== undefined;
    const repeatable = request.repeatable ?? (isSafe ? 'always' : 'if-nothing-was-done');
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = Date.now() + timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    for (let tried = 1; ; tried += 1) {
      let error: Problem | ConnectionFailed;
      try {
        return await this.#try<T>(url, request, key, signal);
      } catch (failed) {
        options.signal?.throwIfAborted();
        if (!(failed instanceof Problem || failed instanceof ConnectionFailed)) throw failed;
        error = failed;
      }
      const pause = this.pauseMs(error, tried);
      const isLate = Date.now() + pause >= deadline || timeout.aborted;
      if (isInProgress(error)) {
        if (isLate) throw new InProgress(error.body, error);
      } else if (isLate || tried >= (request.tries ?? TRIES) || !mayRepeat(error, repeatable)) {
        throw error;
      }
      await this.pause(pause, signal);
    }
  }

  /** The milliseconds to wait after try number `tried`, from 1 on. */
  pauseMs(error: Problem | ConnectionFailed, tried: number, longestMs?: number): number {
    return pauseMs(error, tried, this.#options.random ?? Math.random, longestMs);
  }

  /** Waits, at most until the signal. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await (this.#options.sleep ?? sleep)(ms, signal);
  }

  async #try<T>(url: string, request: Request, key: string | undefined, signal: AbortSignal): Promise<Result<T>> {
    const headers = new Headers({ accept: 'application/json' });
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (value !== undefined) headers.set(name, value);
    }
    if (key !== undefined) headers.set('idempotency-key', key);
    if (request.options?.ifMatch !== undefined) headers.set('if-match', request.options.ifMatch);
    const { credential } = this.#options;
    const current = typeof credential === 'function' ? await credential() : credential;
    if (current) headers.set('authorization', `Bearer ${current}`);
    const body = bodyOf(request, headers);
    let response: Response;
    let text: string;
    try {
      response = await (this.#options.fetch ?? fetch)(url, { method: request.method, headers, body, signal });
      text = await response.text();
    } catch (cause) {
      throw new ConnectionFailed(`${request.method} ${request.path} got no answer`, { cause, idempotencyKey: key });
    }
    const requestId = response.headers.get('x-request-id') ?? undefined;
    const location = response.headers.get('location') ?? undefined;
    if (response.ok || response.status === 304) {
      return {
        data: parse(text, response, request, key) as T,
        status: response.status,
        etag: response.headers.get('etag') ?? undefined,
        location,
        replayed: response.headers.get('idempotent-replayed') === 'true',
        idempotencyKey: key,
        requestId,
      };
    }
    const problem = parse(text, response, request, key);
    if (!isProblemBody(problem)) throw unexpected(response, request, key);
    const after = retryAfterMs(response.headers.get('retry-after'), Date.now());
    const { status } = response;
    throw new Problem(problem, { status, retryAfterMs: after, requestId, idempotencyKey: key, location });
  }
}

function pathOf(request: Request): string {
  const path = request.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = request.params?.[name];
    if (value === undefined || value === '') throw new TypeError(`${request.path} needs ${name}`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

function bodyOf(request: Request, headers: Headers): BodyInit | null {
  if (request.body === undefined) return null;
  headers.set('content-type', request.mediaType ?? 'application/json');
  return request.mediaType === undefined ? JSON.stringify(request.body) : (request.body as BodyInit);
}

function parse(text: string, response: Response, request: Request, key: string | undefined): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw unexpected(response, request, key);
  }
}

function unexpected(response: Response, request: Request, key: string | undefined): ConnectionFailed {
  const message = `${request.method} ${request.path} was answered with ${response.status}, and not by oms`;
  return new ConnectionFailed(message, { status: response.status, idempotencyKey: key });
}

function isProblemBody(value: unknown): value is ProblemBody {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
