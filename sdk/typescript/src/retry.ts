import { ConnectionFailed, Problem } from './problem.ts';

/** Tries of a request whose repetition changes nothing. */
export const TRIES = 4;
const FIRST_MS = 250;
const LONGEST_MS = 8_000;
/** The pause before asking again for an order that is being processed, if the service names none. */
const IN_PROGRESS_MS = 1_000;

/** How often a request may be repeated without doing its work twice. */
export type Repeatable =
  /** As often as needed: it only reads, or has a key. */
  | 'always'
  /** Only if the service says that nothing was done. */
  | 'if-nothing-was-done';

const PASSING = new Set([408, 429, 502, 503, 504]);

/** Whether a failed request may be sent again. */
export function mayRepeat(error: Problem | ConnectionFailed, repeatable: Repeatable): boolean {
  if (error instanceof ConnectionFailed) {
    const isPassing = error.status === undefined || PASSING.has(error.status);
    return repeatable === 'always' && isPassing;
  }
  if (error.needsCustomer) return false;
  if (isUnknown(error)) return repeatable === 'always';
  if (error.retryable) return true;
  return repeatable === 'always' && PASSING.has(error.status);
}

/** Whether the request may have been carried out. */
function isUnknown(problem: Problem): boolean {
  return problem.code.endsWith('.outcome_unknown');
}

/** Whether the order of the key is being processed, so that the request is repeated until the deadline. */
export function isInProgress(error: unknown): error is Problem {
  return error instanceof Problem && error.code === 'orders.in_progress';
}

/** The milliseconds to wait after try number `tried`, from 1 on: what the service says, or a random part of an exponential delay. */
export function pauseMs(
  error: Problem | ConnectionFailed,
  tried: number,
  random: () => number,
  longestMs: number = LONGEST_MS,
): number {
  const told = error instanceof Problem ? error.retryAfterMs : undefined;
  if (told !== undefined) return told;
  if (isInProgress(error)) return IN_PROGRESS_MS;
  return random() * Math.min(longestMs, FIRST_MS * 2 ** (tried - 1));
}

/** Reads `Retry-After`, in seconds or as a date. */
export function retryAfterMs(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
