import { judgeDurations } from './durations.js';
import type { OperationSignal } from './evidence.js';
import { waitsByDesign } from '../model/waits.js';

/**
 * Self time upwards: in sampled traces, the time in which an operation's spans were the deepest at work. A slow place deep inside stands
 * out here long before it does in the latency of what waits for it.
 */
export const detectSelfTime: OperationSignal = (operationId, windows, baseline, policy, { operations }) =>
  judgeDurations(
    { signal: 'self_time', operationId, callerId: 0 },
    windows.at(-1)!.windowAtMs,
    windows.flatMap(({ windowAtMs, rollup }) =>
      rollup === null || rollup.selfTime.count === 0 ? [] : [{ windowAtMs, durations: rollup.selfTime }],
    ),
    { windows: baseline.windows, durations: baseline.selfTime, spread: baseline.selfTimeSpread },
    () => waitsByDesign(operations.get(operationId), baseline.latency) !== null,
    policy,
  );
