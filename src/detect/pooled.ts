import type { Finding } from '../model/anomaly.js';
import type { Baselines, OperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Policy } from '../model/policy.js';
import { isRare } from '../model/rare.js';
import type { Rollup } from '../model/rollup.js';
import { dispersionOf, limitBeyond, driftOf } from '../model/spread.js';
import { binomialUpperScore, fisherScore } from '../model/tail.js';
import { mayWait } from '../model/waits.js';

/** Newest windows taken together. */
const LENGTHS = [3, 6, 12] as const;
const TRIALS = Math.log10(LENGTHS.length);
/** However spotless the past, an error is not taken for rarer than this. */
const MIN_RATE = 0.001;
/** Without the window that deviates most so much must remain. */
const REST_SCORE = 2;
/** A rare operation that drifts by itself is its own matter: what is wrong with a service shows in several. */
const MIN_DEVIATING = 2;
/** A pool that has said nothing for so many windows is not judged. */
const SILENT_WINDOWS = 3;

/** One window, by operation. */
interface Window {
  windowAtMs: number;
  rollups: ReadonlyMap<number, Rollup>;
}

/** The rare operations of one service. */
interface Pool {
  members: Map<number, OperationBaseline>;
  n: number;
  errors: number;
  windows: number;
}

/** What a pool said in one window: one member's spans, `k` of `n` beyond what is usual. */
interface Part {
  windowAtMs: number;
  operationId: number;
  k: number;
  n: number;
}

interface Kind {
  signal: 'latency' | 'errors';
  countOf: (operationId: number, rollup: Rollup) => number;
  scoreOf: (parts: readonly Part[]) => number;
}

/**
 * Operations too rare for a baseline of their own, judged by service: errors against the rate of all of them, durations each against its own few. In each
 * window the member with the most spans stands for all, since one request may meet several and is no more evidence for that. Returns findings at the member that deviates
 * most, marked as pooled, and how many series were looked at.
 */
export function detectPooled(
  windows: readonly Window[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  policy: Policy,
): { findings: Finding[]; tests: number } {
  const findings: Finding[] = [];
  let tests = 0;
  for (const pool of poolsOf(baselines, operations, policy)) {
    const spoken = windows.map((window) => spokenIn(window, pool)).filter((each) => each !== null);
    const newest = spoken.at(-1);
    if (newest === undefined || newest.windowAtMs < (windows.at(-SILENT_WINDOWS) ?? windows[0]!).windowAtMs) continue;
    for (const kind of [errorsOf(pool), durationsOf(pool, operations, policy)]) {
      tests++;
      const finding = judge(kind, windows, spoken, pool, policy);
      if (finding !== null) findings.push(finding);
    }
  }
  return { findings, tests };
}

function poolsOf(baselines: Baselines, operations: ReadonlyMap<number, Operation>, policy: Policy): Pool[] {
  const pools = new Map<number, Pool>();
  for (const [operationId, baseline] of baselines.operations) {
    const serviceId = operations.get(operationId)?.serviceId;
    if (serviceId === undefined || !isRare(baseline, policy)) continue;
    let pool = pools.get(serviceId);
    if (pool === undefined) pools.set(serviceId, (pool = { members: new Map(), n: 0, errors: 0, windows: 0 }));
    pool.members.set(operationId, baseline);
    pool.n += baseline.n;
    pool.errors += baseline.errors;
    pool.windows = Math.max(pool.windows, baseline.windows);
  }
  return [...pools.values()].filter(({ members, n }) => members.size > 1 && n >= policy.minBaselineN);
}

function spokenIn({ windowAtMs, rollups }: Window, pool: Pool): { windowAtMs: number; rollup: Rollup } | null {
  let most: Rollup | null = null;
  for (const operationId of pool.members.keys()) {
    const rollup = rollups.get(operationId);
    if (rollup === undefined || rollup.n === 0) continue;
    if (most === null || rollup.n > most.n || (rollup.n === most.n && operationId < most.operationId)) most = rollup;
  }
  return most === null ? null : { windowAtMs, rollup: most };
}

function errorsOf(pool: Pool): Kind {
  const rate = Math.max(MIN_RATE, (pool.errors + 0.5) / (pool.n + 1));
  return {
    signal: 'errors',
    countOf: (_, rollup) => rollup.errors,
    scoreOf: (parts) => {
      const n = sum(parts, ({ n: each }) => each);
      // How the windows of a pool differ is not known: what is assumed of any series.
      const divisor = dispersionOf({ sum: 0, n: 0 }, n / Math.max(1, parts.length)) * (1 + n / pool.n);
      return binomialUpperScore(sum(parts, ({ k }) => k) / divisor, n / divisor, rate);
    },
  };
}

/**
 * Of an operation with N past spans and r new ones, k new ones are beyond all of the past by chance with probability r/(N+r) · (r-1)/(N+r-1) · …, whatever
 * their distribution. Several operations are combined by Fisher's method (Statistical Methods for Research Workers, 1932).
 */
function durationsOf(pool: Pool, operations: ReadonlyMap<number, Operation>, policy: Policy): Kind {
  return {
    signal: 'latency',
    countOf: (operationId, { latency }) => {
      const { latency: past, windows, latencySpread } = pool.members.get(operationId)!;
      if (mayWait(operations.get(operationId))) return 0;
      return latency.countAbove(limitBeyond(past.quantile(1)!, policy.latency, windows, driftOf(latencySpread)));
    },
    scoreOf: (parts) => {
      const byMember = new Map<number, { k: number; n: number }>();
      for (const { operationId, k, n } of parts) {
        const its = byMember.get(operationId) ?? { k: 0, n: 0 };
        byMember.set(operationId, { k: its.k + k, n: its.n + n });
      }
      const logs = [...byMember].map(([operationId, { k, n }]) => {
        const pastN = Math.floor(pool.members.get(operationId)!.n);
        let log = 0;
        for (let i = 0; i < k; i++) log += Math.log((n - i) / (pastN + n - i));
        return log;
      });
      return fisherScore(logs);
    },
  };
}

function judge(
  { signal, countOf, scoreOf }: Kind,
  windows: readonly Window[],
  spoken: readonly { windowAtMs: number; rollup: Rollup }[],
  pool: Pool,
  policy: Policy,
): Finding | null {
  let best: { parts: Part[]; score: number } | null = null;
  for (const length of LENGTHS) {
    const fromMs = (windows.at(-length) ?? windows[0]!).windowAtMs;
    const parts = spoken
      .filter(({ windowAtMs }) => windowAtMs >= fromMs)
      .map(({ windowAtMs, rollup: { operationId, n }, rollup }) => {
        return { windowAtMs, operationId, k: countOf(operationId, rollup), n };
      });
    const score = scoreOf(parts) - TRIALS;
    if (score > (best?.score ?? policy.windowScore)) best = { parts, score };
  }
  if (best === null) return null;
  const { parts, score } = best;
  const deviating = parts.filter(({ k }) => k > 0);
  const worst = deviating.reduce((a, b) => (b.k > a.k ? b : a));
  const k = sum(parts, (part) => part.k);
  const n = sum(parts, (part) => part.n);
  const finding: Finding = {
    signal,
    operationId: worst.operationId,
    callerId: 0,
    windowAtMs: windows.at(-1)!.windowAtMs,
    raised: false,
    reason: 'not_persistent',
    direction: 'up',
    ...(signal === 'errors'
      ? { quantile: null, observed: k / n, expected: (pool.errors + 0.5) / (pool.n + 1), unit: 'ratio' as const }
      : mediansOf(worst.operationId, deviating, windows, pool)),
    n,
    baselineN: Math.round(pool.n),
    score,
    sinceMs: deviating[0]!.windowAtMs,
    pooled: [...pool.members.keys()],
  };
  if (signal === 'errors') {
    const { minCount, minAbsolute, minRelative } = policy.errors;
    if (k < minCount) return { ...finding, reason: 'low_volume' };
    if (finding.observed - finding.expected < minAbsolute) return { ...finding, reason: 'small_absolute_effect' };
    if (finding.observed < finding.expected * (1 + minRelative)) return { ...finding, reason: 'small_relative_effect' };
  }
  const isSeveral = new Set(deviating.map(({ operationId }) => operationId)).size >= MIN_DEVIATING;
  const rest = scoreOf(parts.filter((part) => part !== worst));
  if (!isSeveral || rest < REST_SCORE || parts.at(-1)!.k === 0) return finding;
  return { ...finding, raised: true, reason: 'raised' };
}

/** The median of the member that deviates most, in the windows in which it does, and before. */
function mediansOf(
  operationId: number,
  deviating: readonly Part[],
  windows: readonly Window[],
  pool: Pool,
): Pick<Finding, 'quantile' | 'observed' | 'expected' | 'unit'> {
  const at = new Set(deviating.flatMap((part) => (part.operationId === operationId ? [part.windowAtMs] : [])));
  const now = new Histogram();
  for (const { windowAtMs, rollups } of windows) if (at.has(windowAtMs)) now.merge(rollups.get(operationId)!.latency);
  const expected = pool.members.get(operationId)!.latency.quantile(0.5) ?? 0;
  return { quantile: 0.5, observed: now.quantile(0.5) ?? 0, expected, unit: 'us' };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
