import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import type { Fault } from './faults.js';

/** What is true of a fault this long after its start still counts as its doing: three minutes of fault and its tail. */
export const FAULT_REACH_MS = 240_000;

/** So long before its labelled start a fault may show; alarms in that time are false all the same, and counted apart. */
export const EARLY_MS = 60_000;

/** An alarm earlier than this after the start of a fault is not its doing: more than half of the window it was decided on lay before. */
export const SOONEST_MS = WINDOW_MS / 2;

const ALARM_KINDS = ['opened', 'reopened', 'another_cause'] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Whether a step of an incident tells somebody of something new: it opened, came back after it seemed over, or has another cause. */
export function isAlarm(kind: string): kind is AlarmKind {
  return ALARM_KINDS.some((each) => each === kind);
}

/** How a table says by what a fault was noticed, behind the time that took; nothing for an incident of its own. */
export const NOTICED_BY: Record<AlarmKind, string> = {
  opened: '',
  reopened: ', reopened',
  another_cause: ', another cause',
};

/** Somebody was told of something new. Times on the data's own scale. */
export interface Alarm {
  incidentId: string;
  kind: AlarmKind;
  atMs: number;
  /** Services of the ranked causes as the message said them, best first, each once. */
  toldServices: string[];
  /** The first cause as the message said it. */
  toldFirst: { service: string; operation: string } | null;
  /** Its score, where that is known. */
  toldScore: number | null;
  /** The same a minute after the alarm, where that is known. */
  laterServices: string[] | null;
  /** The same as the incident says it in the end. */
  finalServices: string[];
}

export interface FaultResult {
  fault: Fault;
  /** False when no span started while the fault lasted: nothing could be seen. */
  judged: boolean;
  noticedAfterS: number | null;
  /** The same without the windows in between that hold no span: recordings have gaps, in which nothing can be noticed. */
  afterDataS: number | null;
  /** Whether a new incident told of it, or an earlier one that came back. */
  noticedBy: Alarm['kind'] | null;
  firstCause: { service: string; operation: string } | null;
  /** The score of that cause, where it is known. */
  firstScore: number | null;
  /** Place of the true service among the causes, 1 for the first; null when it is not among them. */
  toldRank: number | null;
  laterRank: number | null;
  finalRank: number | null;
  alarms: number;
}

/** `k` of `n` with its 95 % interval (shares, 0 to 1). */
export interface Share {
  k: number;
  n: number;
  low: number;
  high: number;
}

export interface Score {
  results: FaultResult[];
  noticed: Share;
  /** How often the true service was among the first 1, 3 and 5 of the message's causes: of all judged faults, and of the noticed ones. */
  told: { judged: Record<Place, Share>; noticed: Record<Place, Share> };
  /** The same for the causes as they stand in the end. */
  final: { judged: Record<Place, Share>; noticed: Record<Place, Share> };
  falseAlarms: Alarm[];
  /** Of these, how many came within EARLY_MS before a fault and put its service first: labels may be later than what they label. */
  early: number;
  quietHours: number;
  falsePerQuietHour: number | null;
  alarmsPerNoticedFault: number | null;
  medianNoticedAfterS: number | null;
}

export const PLACES = [1, 3, 5] as const;
export type Place = (typeof PLACES)[number];

/**
 * Matches alarms to faults. An alarm belongs to the latest fault that began between SOONEST_MS and FAULT_REACH_MS before it; an
 * alarm without one is false. A fault is judged by its first alarm. `windowsWithSpans` are the starts (ms) of the windows in
 * which the data has spans: the hours outside of every fault's reach are counted in them.
 */
export function score(
  faults: readonly (Fault & { judged: boolean })[],
  alarms: readonly Alarm[],
  windowsWithSpans: readonly number[],
): Score {
  const inOrder = [...alarms].sort((a, b) => a.atMs - b.atMs);
  const withSpans = new Set(windowsWithSpans);
  const results = faults.map(({ judged, ...fault }): FaultResult => ({
    fault,
    judged,
    noticedAfterS: null,
    afterDataS: null,
    noticedBy: null,
    firstCause: null,
    firstScore: null,
    toldRank: null,
    laterRank: null,
    finalRank: null,
    alarms: 0,
  }));
  const falseAlarms: Alarm[] = [];
  for (const alarm of inOrder) {
    const result = results.findLast(
      ({ fault }) => reaches(fault, alarm.atMs) && alarm.atMs >= fault.startMs + SOONEST_MS,
    );
    if (!result) falseAlarms.push(alarm);
    else if ((result.alarms += 1) === 1) {
      result.noticedAfterS = (alarm.atMs - result.fault.startMs) / 1000;
      result.afterDataS = result.noticedAfterS - emptySeconds(result.fault.startMs, alarm.atMs, withSpans);
      result.noticedBy = alarm.kind;
      result.firstCause = alarm.toldFirst;
      result.firstScore = alarm.toldScore;
      result.toldRank = rankOf(result.fault.service, alarm.toldServices);
      result.laterRank = rankOf(result.fault.service, alarm.laterServices ?? []);
      result.finalRank = rankOf(result.fault.service, alarm.finalServices);
    }
  }
  const judged = results.filter((each) => each.judged);
  const noticed = judged.filter((each) => each.noticedAfterS !== null);
  const quietHours =
    (windowsWithSpans.filter((at) => !faults.some((fault) => reaches(fault, at))).length * WINDOW_MS) / 3_600_000;
  const places = (of: FaultResult[], rank: (each: FaultResult) => number | null): Record<Place, Share> =>
    accuracy(of.map(rank));
  const toldRank = (each: FaultResult): number | null => each.toldRank;
  const finalRank = (each: FaultResult): number | null => each.finalRank;
  return {
    results,
    noticed: share(noticed.length, judged.length),
    told: { judged: places(judged, toldRank), noticed: places(noticed, toldRank) },
    final: { judged: places(judged, finalRank), noticed: places(noticed, finalRank) },
    falseAlarms,
    early: falseAlarms.filter((alarm) => faults.some((fault) => isEarly(alarm, fault))).length,
    quietHours,
    falsePerQuietHour: quietHours > 0 ? falseAlarms.length / quietHours : null,
    alarmsPerNoticedFault:
      noticed.length > 0 ? noticed.reduce((sum, each) => sum + each.alarms, 0) / noticed.length : null,
    medianNoticedAfterS: median(noticed.map((each) => each.noticedAfterS ?? 0)),
  };
}

/** How many of the ranks are 1, up to 3 and up to 5: accuracy at k, AS@k. A null rank was not found. */
export function accuracy(ranks: readonly (number | null)[]): Record<Place, Share> {
  const at = (place: Place): Share => share(ranks.filter((rank) => (rank ?? Infinity) <= place).length, ranks.length);
  return { 1: at(1), 3: at(3), 5: at(5) };
}

function reaches(fault: Fault, atMs: number): boolean {
  return atMs >= fault.startMs && atMs < fault.startMs + FAULT_REACH_MS;
}

/** Seconds of whole windows in the range that hold no span. */
function emptySeconds(fromMs: number, toMs: number, withSpans: ReadonlySet<number>): number {
  let empty = 0;
  for (let at = windowOf(fromMs + WINDOW_MS - 1); at + WINDOW_MS <= toMs; at += WINDOW_MS) {
    if (!withSpans.has(at)) empty += WINDOW_MS / 1000;
  }
  return empty;
}

function isEarly({ atMs, toldServices }: Alarm, { startMs, service }: Fault): boolean {
  return toldServices[0] === service && atMs >= startMs - EARLY_MS && atMs < startMs + SOONEST_MS;
}

/** Place of a service in a ranking, 1 for the first; null when it is not in it. */
export function rankOf(service: string, services: readonly string[]): number | null {
  const at = services.indexOf(service);
  return at < 0 ? null : at + 1;
}

/** The middle of the values, or the mean of the two middle ones; null when there are none. */
export function median(values: readonly number[]): number | null {
  const ordered = values.toSorted((a, b) => a - b);
  const upper = ordered[Math.floor(ordered.length / 2)];
  const lower = ordered[Math.ceil(ordered.length / 2) - 1];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

const Z95 = 1.959964;

/** `k` of `n` with Wilson's score interval (Wilson 1927) at 95 %; 0 to 1 when n is 0. */
export function share(k: number, n: number): Share {
  if (n === 0) return { k, n, low: 0, high: 1 };
  const p = k / n;
  const zz = Z95 * Z95;
  const centre = (p + zz / (2 * n)) / (1 + zz / n);
  const half = (Z95 / (1 + zz / n)) * Math.sqrt((p * (1 - p)) / n + zz / (4 * n * n));
  return { k, n, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Each service once, in the order of its best cause. */
export function distinctServices(causes: readonly { service: string }[]): string[] {
  return [...new Set(causes.map((cause) => cause.service))];
}
