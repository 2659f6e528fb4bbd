import { judgeDurations } from './durations.js';
import { waitsByDesign } from '../model/waits.js';
import type { CallSignal } from './evidence.js';

/** Time between two services upwards: the client span's duration less the server span's, that is network, queueing and connecting. */
export const detectGap: CallSignal = (callerId, calleeId, windows, baseline, policy) =>
  judgeDurations(
    { signal: 'gap', operationId: calleeId, callerId },
    windows.at(-1)!.windowAtMs,
    windows.flatMap(({ windowAtMs, edge }) =>
      edge === null || edge.gap.count === 0 ? [] : [{ windowAtMs, durations: edge.gap }],
    ),
    { windows: baseline.windows, durations: baseline.gap, spread: baseline.gapSpread },
    () => waitsByDesign(undefined, baseline.gap) !== null,
    policy,
  );
