import { judgeDurations } from './durations.js';
import type { OperationSignal } from './evidence.js';
import { waitsByDesign } from '../model/waits.js';

/** Latency upwards: how long the spans of an operation lasted, all of them counted, with whatever they waited for. */
export const detectLatency: OperationSignal = (operationId, windows, baseline, policy, { operations }) =>
  judgeDurations(
    { signal: 'latency', operationId, callerId: 0 },
    windows.at(-1)!.windowAtMs,
    windows.flatMap(({ windowAtMs, rollup }) =>
      rollup === null || rollup.n === 0 ? [] : [{ windowAtMs, durations: rollup.latency }],
    ),
    { windows: baseline.windows, durations: baseline.latency, spread: baseline.latencySpread },
    () => waitsByDesign(operations.get(operationId), baseline.latency) !== null,
    policy,
  );
