import { HOUR_MS, MINUTE_MS, floorHour } from '../model/window.js';

/** An hour that was written to so lately is not taken for space: whoever writes to it would have to make it anew. */
const QUIET_MS = 10 * MINUTE_MS;

/** One hour of the journal. */
export interface JournalHour {
  hourMs: number;
  lastWrittenMs: number;
  /** When it was reduced to its anomalous traces; null: never. */
  reducedMs: number | null;
  bytes: number;
}

export interface RetentionPolicy {
  ordinaryHours: number;
  /** At most ordinaryHours: nothing is kept longer. */
  anomalousHours: number;
  /** Of all hours; 0: any number. */
  maxBytes: number;
  /** Of the hours that were reduced. */
  keptMaxBytes: number;
}

export type RetentionReason = 'age' | 'space';

/** What is to be done with an hour: `reduce` leaves its anomalous traces, `drop` nothing. */
export interface RetentionStep {
  hourMs: number;
  action: 'reduce' | 'drop';
  reason: RetentionReason;
  /** It must not have been written to at or after this instant, or is left for next time. */
  unwrittenSinceMs: number;
}

/**
 * What retention does now, oldest hour first. By age: an hour is reduced when it ended, and was last written, longer ago than ordinary traces
 * are kept, and dropped at the age of anomalous ones. By space: oldest whole hours first, then the oldest of what was kept; never the hour
 * that is running, the one before it, or one that is being written to.
 */
export function planRetention(
  hours: readonly JournalHour[],
  policy: RetentionPolicy,
  nowMs: number,
): { steps: RetentionStep[]; missingBytes: number } {
  const { ordinaryHours, anomalousHours, maxBytes, keptMaxBytes } = policy;
  const keeps = anomalousHours > ordinaryHours;
  const ordinaryMs = nowMs - ordinaryHours * HOUR_MS;
  const anomalousMs = nowMs - Math.max(ordinaryHours, anomalousHours) * HOUR_MS;
  const steps = new Map<number, RetentionStep>();
  const left: JournalHour[] = [];
  const isOlder = ({ hourMs, lastWrittenMs }: JournalHour, thanMs: number) =>
    hourMs + HOUR_MS < thanMs && lastWrittenMs < thanMs;
  for (const hour of hours.toSorted((a, b) => a.hourMs - b.hourMs)) {
    const { hourMs } = hour;
    if (isOlder(hour, anomalousMs)) {
      steps.set(hourMs, { hourMs, action: 'drop', reason: 'age', unwrittenSinceMs: anomalousMs });
    } else if (keeps && isOlder(hour, ordinaryMs) && !isReduced(hour)) {
      steps.set(hourMs, { hourMs, action: 'reduce', reason: 'age', unwrittenSinceMs: ordinaryMs });
    } else left.push(hour);
  }

  const quietMs = nowMs - QUIET_MS;
  const isCurrent = ({ hourMs, lastWrittenMs }: JournalHour) =>
    hourMs >= floorHour(nowMs) - HOUR_MS || lastWrittenMs >= quietMs;
  const takeForSpace = (from: JournalHour[], action: RetentionStep['action'], excess: number): number => {
    let rest = excess;
    for (const hour of from) {
      if (rest <= 0) break;
      if (isCurrent(hour)) continue;
      steps.set(hour.hourMs, { hourMs: hour.hourMs, action, reason: 'space', unwrittenSinceMs: quietMs });
      rest -= hour.bytes;
    }
    return rest;
  };
  const total = (some: readonly JournalHour[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = left.filter((hour) => !isReduced(hour));
  const reduced = left.filter(isReduced);
  takeForSpace(reduced, 'drop', total(reduced) - keptMaxBytes);
  const stays = reduced.filter(({ hourMs }) => !steps.has(hourMs));
  let missingBytes = 0;
  if (maxBytes > 0) {
    missingBytes = takeForSpace(whole, keeps ? 'reduce' : 'drop', total(whole) + total(stays) - maxBytes);
    missingBytes = takeForSpace(stays, 'drop', missingBytes);
  }
  return {
    steps: [...steps.values()].sort((a, b) => a.hourMs - b.hourMs),
    missingBytes: Math.max(0, missingBytes),
  };
}

/** Late spans that came after a reduction make the hour a whole one again. */
function isReduced({ reducedMs, lastWrittenMs }: JournalHour): boolean {
  return reducedMs !== null && reducedMs >= lastWrittenMs;
}
