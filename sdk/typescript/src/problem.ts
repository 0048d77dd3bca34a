import type { Problem as ProblemBody } from './types.gen.ts';

/** The codes of problems. */
export type ProblemCode = ProblemBody['code'];

/** Refusals that only the customer can change: by paying, cancelling, or waiting. */
const LIMITS = new Set<string>(['orders.too_many_unpaid', 'orders.too_many_units', 'orders.too_many_declines']);

/** What is known of a request that failed. */
export interface Failed {
  /** The key that the request was sent with. Repeating the request with it repeats no effect. */
  readonly idempotencyKey?: string | undefined;
}

/** The service refused a request. Match on `code`: it is stable, while texts may change. */
export class Problem extends Error implements Failed {
  override readonly name: string = 'Problem';
  readonly status: number;
  readonly code: ProblemCode | (string & {});
  /** Whether the same request may succeed later, without the customer doing anything. */
  readonly retryable: boolean;
  /** The milliseconds after which to repeat the request, if the service named them. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  /** The invalid members of the request. */
  readonly errors: NonNullable<ProblemBody['errors']>;
  readonly idempotencyKey: string | undefined;
  /** The path of the resource concerned. */
  readonly location: string | undefined;
  /** All members of the problem. */
  readonly body: ProblemBody;

  /** Whether only the customer can change it. */
  get needsCustomer(): boolean {
    return LIMITS.has(this.code);
  }

  constructor(body: ProblemBody, answer: ProblemAnswer) {
    super(`${body.code}: ${body.detail ?? body.title}`);
    this.status = answer.status;
    this.code = body.code;
    this.retryable = body.retryable === true && !this.needsCustomer;
    this.retryAfterMs = answer.retryAfterMs;
    this.requestId = body.requestId ?? answer.requestId;
    this.errors = body.errors ?? [];
    this.idempotencyKey = answer.idempotencyKey;
    this.location = answer.location;
    this.body = body;
  }
}

/** What a problem's response says besides its body. */
export interface ProblemAnswer {
  status: number;
  retryAfterMs: number | undefined;
  requestId: string | undefined;
  idempotencyKey: string | undefined;
  location: string | undefined;
}

/** The order of the key is still being processed at the deadline. Repeat the request with `idempotencyKey`. */
export class InProgress extends Problem {
  override readonly name = 'InProgress';
}

/** No usable answer arrived: the connection failed, the deadline passed, or something else than oms answered. */
export class ConnectionFailed extends Error implements Failed {
  override readonly name = 'ConnectionFailed';
  readonly idempotencyKey: string | undefined;
  /** The status of an answer that is no problem of oms. */
  readonly status: number | undefined;

  constructor(message: string, details: { cause?: unknown; idempotencyKey?: string | undefined; status?: number }) {
    super(message, { cause: details.cause });
    this.idempotencyKey = details.idempotencyKey;
    this.status = details.status;
  }
}

/** The error of a request without a key that was sent about a request with one. */
export function withKey(error: unknown, idempotencyKey: string | undefined): unknown {
  if (error instanceof Problem) return new Problem(error.body, { ...error, idempotencyKey });
  if (!(error instanceof ConnectionFailed)) return error;
  const { message, cause, status } = error;
  return new ConnectionFailed(message, { cause, idempotencyKey, ...(status !== undefined && { status }) });
}

/** A problem with one of these codes. */
export type ProblemOf<C extends ProblemCode> = Problem & { readonly code: C };

/** Whether an error is a problem, and has one of the codes if some are given. */
export function isProblem<C extends ProblemCode = ProblemCode>(
  error: unknown,
  ...codes: readonly C[]
): error is ProblemOf<C> {
  return error instanceof Problem && (codes.length === 0 || (codes as readonly string[]).includes(error.code));
}
