import type { LogTable } from '../journal/log-scan.js';
import { HOUR_MS, floorHour } from '../model/window.js';
import type { AdmissionLimits } from './admit.js';

const REASONS = {
  too_deep: 'a value is nested too deep',
  too_old: 'the record was written too long ago',
  in_the_future: 'the record was written in the future',
  too_many_hours: 'the journal spans too many different hours already',
} as const;
type RejectReason = keyof typeof REASONS;

/** Which log records of a request are accepted, and why the others are not. */
export interface LogAdmission {
  /** 0 for a rejected record. */
  keep: Uint8Array;
  /** When each was written, epoch ms: its own time, else when it was received. */
  timesMs: Float64Array;
  rejected: Map<RejectReason, number>;
}

/** Judges every record by itself. Ids that are not valid only mean that the record belongs to no trace, as the specification asks. */
export function admitLogs(
  { records, resources, scopes }: LogTable,
  limits: AdmissionLimits,
  nowMs: number,
): LogAdmission {
  const admission: LogAdmission = {
    keep: new Uint8Array(records.length).fill(1),
    timesMs: Float64Array.from(records, ({ timeUs }) => (timeUs === 0 ? nowMs : timeUs / 1_000)),
    rejected: new Map(),
  };
  const oldestMs = limits.maxSpanAgeHours === 0 ? 0 : nowMs - limits.maxSpanAgeHours * HOUR_MS;
  const newestMs = nowMs + limits.maxFutureS * 1_000;
  records.forEach((record, i) => {
    const timeMs = admission.timesMs[i]!;
    if (record.tooDeep || resources[record.resource]!.tooDeep || scopes[record.scope]!.tooDeep) {
      reject(admission, i, 'too_deep');
    } else if (timeMs < oldestMs) reject(admission, i, 'too_old');
    else if (timeMs > newestMs) reject(admission, i, 'in_the_future');
  });
  return admission;
}

/** Hours (epoch ms) in which accepted records were written. */
export function hoursOf({ keep, timesMs }: LogAdmission): Set<number> {
  return new Set([...timesMs].filter((_, i) => keep[i] === 1).map(floorHour));
}

/** Rejects the records of hours that cannot be written. */
export function rejectOtherHours(admission: LogAdmission, open: ReadonlySet<number>): void {
  admission.timesMs.forEach((timeMs, i) => {
    if (admission.keep[i] === 1 && !open.has(floorHour(timeMs))) reject(admission, i, 'too_many_hours');
  });
}

/** One sentence for the sender, the most frequent reason first. */
export function rejectionMessage({ rejected, keep }: LogAdmission): string {
  const reasons = [...rejected].sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, n]) => sum + n, 0);
  return `${total} of ${keep.length} log records rejected: ${reasons.map(([reason, n]) => `${n} ${reason} (${REASONS[reason]})`).join(', ')}`;
}

function reject(admission: LogAdmission, i: number, reason: RejectReason): void {
  admission.keep[i] = 0;
  admission.rejected.set(reason, (admission.rejected.get(reason) ?? 0) + 1);
}
