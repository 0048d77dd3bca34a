import type { CallOptions, Http } from './request.ts';

/** A page of a list. */
export interface Page<T> {
  items: T[];
  /** Absent on the last page. */
  nextCursor?: string | null;
}

/** A list: iterate over its entries, or over its pages. */
export class Pages<T> implements AsyncIterable<T> {
  readonly #http: Http;
  readonly #path: string;
  readonly #params: Readonly<Record<string, string | number>>;
  readonly #query: object;
  readonly #options: CallOptions | undefined;

  constructor(
    http: Http,
    path: string,
    params: Readonly<Record<string, string | number>>,
    query: unknown,
    options: CallOptions | undefined,
  ) {
    this.#http = http;
    this.#path = path;
    this.#params = params;
    this.#query = typeof query === 'object' && query !== null ? query : {};
    this.#options = options;
  }

  /** The pages, from the given cursor on. A page may be shorter than the limit, or empty, and not be the last one. */
  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const query = cursor ? { ...this.#query, cursor } : this.#query;
      const request = { method: 'GET', path: this.#path, params: this.#params, query } as const;
      const { data } = await this.#http.send<Page<T>>({ ...request, options: this.#options });
      yield data;
      cursor = data.nextCursor;
    } while (cursor);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.items;
  }
}
