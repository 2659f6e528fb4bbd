import { fnv32 } from './fnv.js';

const HOUR_S = 3_600;

/**
 * Seconds from one attempt to the next. The head is dense, since an alert is urgent; the tail reaches about 24 h, so that a receiver
 * that is down overnight still hears of it. (Standard Webhooks waits 5 min after the second attempt: too long for an alert.)
 */
const DELAYS_S = [
  0,
  5,
  15,
  45,
  120,
  300,
  900,
  HOUR_S,
  2 * HOUR_S,
  3 * HOUR_S,
  4 * HOUR_S,
  6 * HOUR_S,
  7 * HOUR_S,
] as const;

export const MAX_ATTEMPTS = DELAYS_S.length;
const JITTER = 0.2;

/**
 * Seconds to wait before attempt number `attempt` (from 1) of the notification, or null when there is no such attempt. ±20 % jitter is
 * drawn from id and attempt, so that many messages that failed together do not come back together.
 */
export function delayBeforeS(id: string, attempt: number): number | null {
  const delayS = DELAYS_S[attempt - 1];
  if (delayS === undefined) return null;
  return delayS * (1 + JITTER * (2 * fraction(`${id}:${attempt}`) - 1));
}

/** The wait after a failed attempt: what the schedule says, and never less than what the receiver asked for. Null: that was the last one. */
export function retryInS(id: string, failedAttempt: number, retryAfterS: number | undefined): number | null {
  const delayS = delayBeforeS(id, failedAttempt + 1);
  return delayS === null ? null : Math.max(delayS, retryAfterS ?? 0);
}

/** A number in [0, 1) from a text. */
function fraction(text: string): number {
  return fnv32(text) / 2 ** 32;
}
