import { setTimeout as sleep } from 'node:timers/promises';
import { encodeLogs, encodeSpans } from './otlp.js';
import type { Recording } from '../recorded/recording.js';
import { ticksOf } from './schedule.js';
import { RequestRefused } from './sender.js';
import type { Sender } from './sender.js';

const SPANS_PER_REQUEST = 1_000;
const NS_PER_MS = 1_000_000;

export interface Plan {
  recording: Recording;
  speed: number;
  tickMs: number;
  /** Added to every time. */
  shiftMs: number;
}

export interface Position {
  /** Spans acknowledged so far. */
  spans: number;
  /** Event time sent so far, on the data's own scale. */
  eventMs: number;
  /** How far behind its schedule the replay is. */
  behindMs: number;
}

/** Who sends what. */
export interface Senders {
  spans: Sender;
  logs: Sender;
}

/** How long a replay at the given speed takes on the clock: gaps in the data are cut short, see MAX_PAUSE_MS. */
export function plannedMs(recording: Recording, tickMs: number, speed: number): number {
  let last = 0;
  for (const tick of ticks(recording, tickMs, speed)) last = tick.dueMs;
  return last;
}

/**
 * Sends a recording in slices of event time, each after the one before it is acknowledged whole, at its due time or as
 * soon as possible after it. Ends early when `signal` is aborted. Throws when the service refuses the spans.
 */
export async function transmit(
  { recording, speed, tickMs, shiftMs }: Plan,
  { spans: sender, logs: logSender }: Senders,
  signal: AbortSignal,
  onPosition: (position: Position) => void,
): Promise<void> {
  const { spans, kinds, order, logs } = recording;
  let nextLog = 0;
  const shiftNs = BigInt(shiftMs) * BigInt(NS_PER_MS);
  const baseMs = Number(spans.baseNs / BigInt(NS_PER_MS));
  const startedMs = Date.now();
  for (const tick of ticks(recording, tickMs, speed)) {
    const aheadMs = tick.dueMs - (Date.now() - startedMs);
    if (aheadMs > 0) await sleep(aheadMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const requests = [];
    for (let from = tick.from; from < tick.to; from += SPANS_PER_REQUEST) {
      const rows = order.subarray(from, Math.min(from + SPANS_PER_REQUEST, tick.to));
      requests.push({ body: encodeSpans(spans, kinds, rows, shiftNs), spans: rows.length });
    }
    // Lines first: a window closes with its spans.
    const firstLog = nextLog;
    const endNs = spans.baseNs + BigInt(tick.endNs);
    while (nextLog < logs.length && logs[nextLog]!.timeNs < endNs) nextLog += 1;
    const logRequests = [];
    for (let from = firstLog; from < nextLog; from += SPANS_PER_REQUEST) {
      const lines = logs.slice(from, Math.min(from + SPANS_PER_REQUEST, nextLog));
      logRequests.push({ body: encodeLogs(lines, shiftNs), spans: lines.length });
    }
    await logSender.sendAll(logRequests);
    await sender.sendAll(requests);
    if (sender.counts.rejectedSpans === sender.counts.spans) {
      throw new RequestRefused(200, `the service rejected every span so far: ${sender.counts.rejectedBecause}`);
    }
    onPosition({
      spans: sender.counts.spans,
      eventMs: baseMs + tick.endNs / NS_PER_MS,
      behindMs: Math.max(0, Date.now() - startedMs - tick.dueMs),
    });
  }
}

function ticks({ spans, order }: Recording, tickMs: number, speed: number): ReturnType<typeof ticksOf> {
  return ticksOf(order.length, (position) => spans.endNs(order[position] ?? 0), tickMs * NS_PER_MS, speed);
}
