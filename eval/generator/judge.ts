import type { Change } from '../../src/incident/lifecycle.js';
import type { Cause } from '../../src/model/cause.js';
import { MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { type AlarmKind, isAlarm } from '../../tools/recorded/score.js';
import type { FaultKind, Label } from './faults.js';
import type { System } from './system.js';
import { operationsAround } from './usage.js';

/** An alarm this long after a fault's end may still be its doing: its last windows, and its recovery. */
const AFTERMATH_MS = 2 * MINUTE_MS;

/** Somebody was told of something new: see isAlarm. */
export interface Alarm {
  incidentId: string;
  kind: AlarmKind;
  /** End of the window that raised it. */
  atMs: number;
  operations: ReadonlySet<number>;
  causes: readonly Cause[];
  /** In words, for people who look into it. */
  title: string;
}

export interface Verdict {
  label: Label;
  /** Spans, calls or windows that the fault changed; below ten nobody could see it. */
  touched: number;
  noticedAfterS: number | null;
  /** Place of the first right cause among the distinct services of the alarm that noticed it; null: not among them. */
  rank: number | null;
  /** Incidents in which it showed. */
  incidents: number;
  first: Alarm | null;
}

export interface Judgement {
  verdicts: Verdict[];
  /** Alarms of no fault, with the fault that was on or had just been. */
  falseAlarms: { alarm: Alarm; during: FaultKind | null }[];
}

export function alarmsOf(windowAtMs: number, changes: readonly Change[]): Alarm[] {
  return changes.flatMap(({ incident, event, told = incident }) => {
    if (event === null || !isAlarm(event.kind)) return [];
    const first = told.causes[0];
    const shown = told.affected.slice(0, 3).map(({ service, operation, signal, observed, expected, n, score }) => {
      const figures = `${observed.toPrecision(3)} for ${expected.toPrecision(3)}, n ${n}, score ${score.toFixed(1)}`;
      return `${service}/${operation} ${signal} ${figures}`;
    });
    return [
      {
        incidentId: incident.id,
        kind: event.kind,
        atMs: windowAtMs + WINDOW_MS,
        operations: new Set([...told.affected, ...told.causes.slice(0, 3)].map((each) => each.operationId)),
        causes: told.causes,
        title: `${first?.service} / ${first?.operation} ${(first?.score ?? 0).toFixed(2)} | ${shown.join('; ')}`,
      },
    ];
  });
}

/**
 * Which alarm tells of which fault: one that comes while the fault lasts or shortly after, and touches an operation that the fault can reach.
 * Of several such faults, the one whose culprit it names first, else the first that nobody has noticed. All other alarms are false.
 */
export function judge(system: System, labels: readonly Label[], alarms: readonly Alarm[]): Judgement {
  const around = new Map(labels.map((label) => [label, operationsAround(system, label.origins)]));
  const verdicts = labels.map((label): Verdict => ({
    label,
    touched: label.effects.reduce((sum, each) => sum + each.touched, 0),
    noticedAfterS: null,
    rank: null,
    incidents: 0,
    first: null,
  }));
  const incidents = new Map<Verdict, Set<string>>(verdicts.map((verdict) => [verdict, new Set()]));
  const falseAlarms: Judgement['falseAlarms'] = [];
  for (const alarm of alarms) {
    const near = verdicts.filter(({ label }) => alarm.atMs > label.fromMs && alarm.atMs <= label.toMs + AFTERMATH_MS);
    const its = near.filter(({ label }) => [...alarm.operations].some((id) => around.get(label)!.has(id)));
    const verdict =
      its.find(({ label }) => rankOf(label, alarm.causes) === 1) ?? its.find((each) => each.first === null) ?? its[0];
    if (verdict === undefined) {
      const last = verdicts.findLast(({ label }) => label.fromMs < alarm.atMs);
      falseAlarms.push({ alarm, during: last?.label.kind ?? null });
      continue;
    }
    incidents.get(verdict)!.add(alarm.incidentId);
    // One group may hold two causes: each label is judged by the alarm that names it.
    for (const twin of its.filter(({ label }) => label.kind === 'two_causes')) notice(twin, alarm);
    notice(verdict, alarm);
  }
  for (const verdict of verdicts) verdict.incidents = incidents.get(verdict)!.size;
  return { verdicts, falseAlarms };
}

function notice(verdict: Verdict, alarm: Alarm): void {
  if (verdict.first !== null) return;
  verdict.first = alarm;
  verdict.noticedAfterS = (alarm.atMs - verdict.label.fromMs) / 1000;
  verdict.rank = rankOf(verdict.label, alarm.causes);
}

/** Place among distinct services, best first. */
function rankOf(label: Label, causes: readonly Cause[]): number | null {
  const services = new Set<string>();
  for (const cause of causes) {
    services.add(cause.service);
    if (label.operations.has(cause.operationId) || isOf(label, cause)) return services.size;
  }
  return null;
}

function isOf(label: Label, cause: Cause): boolean {
  return [...label.origins].some(({ service }) => service.name === cause.service && label.services.has(service.id));
}
