import type { Cause } from '../src/model/cause.js';
import type { EventTemplate } from '../src/model/event.js';
import type { Operation } from '../src/model/operation.js';
import { DEFAULT_POLICY } from '../src/model/policy.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { WINDOW_MS } from '../src/model/window.js';
import { type Alarm, distinctServices, isAlarm } from '../tools/recorded/score.js';
import { PureRun } from './pure-run.js';

/** How long after an alarm its causes are looked at once more: somebody reads the message and opens the page. */
const LATER_MS = 60_000;

/** "As a stream": the pipeline's own verdicts on the windows, and the run itself to look into. */
export function streamAlarms(
  windows: readonly WindowMeasure[],
  operations: ReadonlyMap<number, Operation>,
  templates: Map<number, EventTemplate> = new Map(),
): { alarms: Alarm[]; run: PureRun } {
  const run = new PureRun(operations, DEFAULT_POLICY, 'UTC', templates);
  const alarms: Alarm[] = [];
  let waiting: Alarm[] = [];
  const servicesOf = (alarm: Alarm): string[] => distinctServices(run.incidents.get(alarm.incidentId)?.causes ?? []);
  for (const window of windows) {
    const nowMs = window.windowAtMs + WINDOW_MS;
    for (const { incident, event, told = incident } of run.judge(window)) {
      if (event === null || !isAlarm(event.kind)) continue;
      const alarm = alarmOf(incident.id, event.kind, nowMs, told.causes);
      alarms.push(alarm);
      waiting.push(alarm);
    }
    waiting = waiting.filter((alarm) => {
      if (nowMs < alarm.atMs + LATER_MS) return true;
      alarm.laterServices = servicesOf(alarm);
      return false;
    });
  }
  for (const alarm of waiting) alarm.laterServices = servicesOf(alarm);
  for (const alarm of alarms) alarm.finalServices = servicesOf(alarm);
  return { alarms, run };
}

function alarmOf(incidentId: string, kind: Alarm['kind'], atMs: number, causes: readonly Cause[]): Alarm {
  const [first] = causes;
  return {
    incidentId,
    kind,
    atMs,
    toldServices: distinctServices(causes),
    toldFirst: first ? { service: first.service, operation: first.operation } : null,
    toldScore: first?.score ?? null,
    laterServices: null,
    finalServices: [],
  };
}
