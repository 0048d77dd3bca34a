import { Pages } from './pages.ts';
import type { CallOptions, Http, KeyOptions, Result, VersionOptions } from './request.ts';

/** The body of any successful answer. */
export type Answer<Responses> = Responses[keyof Responses];

/** The entries of a list. */
export type Entry<Responses> = Responses extends { 200: { items: readonly (infer Item)[] } } ? Item : never;

/** The filters of a list, its page size, and the cursor to begin at. */
export type Query<Data extends { query?: unknown }> = NonNullable<Data['query']>;

/** The body of a request. */
export type Body<Data extends { body?: unknown }> = Data['body'];

/** Options of a call with a key that may be limited to a version. */
export type KeyedVersionOptions = KeyOptions & Partial<VersionOptions>;

/** Options of reading a version. */
export interface ReadOptions extends CallOptions {
  /** The `etag` that is known already: if it is still current, the status is 304 and `data` is undefined. */
  ifNoneMatch?: string | undefined;
}

/** The values of a path. */
export type Params = Readonly<Record<string, string | number>>;

/** Sends the requests of a kind of resource. */
export abstract class Resource {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  protected read<T>(path: string, params: Params, query: unknown, options?: ReadOptions): Promise<Result<T>> {
    const headers = { 'if-none-match': options?.ifNoneMatch };
    return this.#http.send<T>({ method: 'GET', path, params, query, headers, options });
  }

  protected list<T>(path: string, params: Params, query: unknown, options?: CallOptions): Pages<T> {
    return new Pages<T>(this.#http, path, params, query, options);
  }

  protected post<T>(path: string, params: Params, body: unknown, options?: KeyedVersionOptions): Promise<Result<T>> {
    return this.#http.send<T>({ method: 'POST', path, params, body, keyed: true, options });
  }

  /** A `POST` without a key, which can be repeated by its nature. */
  protected ask<T>(path: string, params: Params, body: unknown, options?: CallOptions): Promise<Result<T>> {
    return this.#http.send<T>({ method: 'POST', path, params, body, repeatable: 'always', options });
  }

  protected upload<T>(
    path: string,
    params: Params,
    query: unknown,
    file: BodyInit,
    mediaType: string,
    options?: KeyOptions,
  ): Promise<Result<T>> {
    return this.#http.send<T>({ method: 'POST', path, params, query, body: file, mediaType, keyed: true, options });
  }

  protected change<T>(
    method: 'PUT' | 'PATCH',
    path: string,
    params: Params,
    body: unknown,
    options?: CallOptions & Partial<VersionOptions>,
  ): Promise<Result<T>> {
    return this.#http.send<T>({ method, path, params, body, options });
  }

  protected remove<T>(path: string, params: Params, options?: CallOptions): Promise<Result<T>> {
    return this.#http.send<T>({ method: 'DELETE', path, params, options });
  }
}
