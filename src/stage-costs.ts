import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Counter } from 'prom-client';
import type { WindowStage } from './pipeline.js';

const busy = new Counter({
  name: 'tracehound_stage_busy_seconds_total',
  help: 'Time that the thread of the stages worked, by stage; shared alike among stages that are at work at once. other: the API, the queue, routing, sending.',
  labelNames: ['stage'],
  collect: settle,
});
const steps = new Counter({
  name: 'tracehound_stage_steps_total',
  help: 'Steps that each stage has done: a window, of baseline a minute.',
  labelNames: ['stage'],
});

const atWork = new Map<WindowStage, number>();
let settledS = busyS();

/** To be called when a stage goes to work; what it returns is to be called when it stops. Time until then is counted as the stage's. */
export function atWorkOn(stage: WindowStage): () => void {
  settle();
  atWork.set(stage, (atWork.get(stage) ?? 0) + 1);
  return () => {
    settle();
    const others = atWork.get(stage)! - 1;
    if (others === 0) atWork.delete(stage);
    else atWork.set(stage, others);
  };
}

export function stepsDone(stage: WindowStage, n: number): void {
  steps.inc({ stage }, n);
}

function settle(): void {
  const nowS = busyS();
  // The clock of the event loop may go back by a rounding.
  const sinceS = Math.max(0, nowS - settledS);
  settledS = nowS;
  if (atWork.size === 0) busy.inc({ stage: 'other' }, sinceS);
  for (const stage of atWork.keys()) busy.inc({ stage }, sinceS / atWork.size);
}

/** CPU seconds of this thread, where Linux tells them; else how long its event loop was not idle. */
function busyS(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e9;
  } catch {
    return performance.eventLoopUtilization().active / 1e3;
  }
}
