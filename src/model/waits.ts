import type { Histogram } from './histogram.js';
import type { Operation } from './operation.js';
import { KIND_CONSUMER } from './span.js';

/** Why the durations of an operation are waiting by design, not work that somebody waits for. */
export const WAIT_REASONS = ['receives_messages', 'named_as_waiting', 'ends_at_a_timeout', 'long_lived'] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

const MIN_SPANS = 30;
/** From here on a word such as "poll" in the name is believed: shorter than this it is a quick look, not a wait. */
const NAMED_WAIT_US = 500_000;
/** Timeouts of waits are whole seconds and more; shorter constants are timers of the work itself (a scheduler's quota, a retry). */
const TIMEOUT_US = 1_000_000;
/** This share of the spans ends within 3 % of one duration, and next to none later than a tenth after it. */
const AT_TIMEOUT = 0.3;
const AFTER_TIMEOUT = 0.02;
/** Half of the spans are open for a minute or longer: a stream, a watch, a session. */
const LONG_LIVED_US = 60_000_000;

const RECEIVING = /(^|[^a-z])(receive|poll|consume|subscribe|listen)s?([^a-z]|$)/i;
const WAITING =
  /(^|[^a-z])(long[-_ ]?poll|poll|wait|watch|subscribe|listen|stream|websocket|receive|b[lr]pop|blmove|brpoplpush|bzpop(min|max)|blmpop|xread(group)?|sse)([^a-z]|$)/i;

/** Whether kind or name say that an operation may wait by design, whatever is known of its durations. */
export function mayWait(operation: Pick<Operation, 'name' | 'kind'> | undefined): boolean {
  const name = operation?.name.slice(0, 200) ?? '';
  return operation?.kind === KIND_CONSUMER || RECEIVING.test(name) || WAITING.test(name);
}

/**
 * Whether an operation waits by design (a long poll, a blocking pop, a consumer's receive, a stream, a sleep), by its kind, its name
 * and the shape of its past durations; null when it does not, or too little is known. Such durations say nothing of how well it works.
 */
export function waitsByDesign(
  operation: Pick<Operation, 'name' | 'kind'> | undefined,
  durations: Histogram,
): WaitReason | null {
  const { count } = durations;
  if (count < MIN_SPANS) return null;
  const median = durations.quantile(0.5)!;
  const name = operation?.name.slice(0, 200) ?? '';
  if (operation?.kind === KIND_CONSUMER && RECEIVING.test(name)) return 'receives_messages';
  if (median >= NAMED_WAIT_US && WAITING.test(name)) return 'named_as_waiting';
  if (median >= LONG_LIVED_US) return 'long_lived';
  const late = durations.quantile(0.9)!;
  if (late < TIMEOUT_US) return null;
  const atTimeout = durations.countAbove(late * 0.97) - durations.countAbove(late * 1.03);
  const after = durations.countAbove(late * 1.1);
  return atTimeout >= count * AT_TIMEOUT && after <= count * AFTER_TIMEOUT ? 'ends_at_a_timeout' : null;
}
