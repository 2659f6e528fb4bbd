// npm run bench:detect -- [--sizes 1000,10000,100000] [--windows 7]: cost of measuring, learning, judging and ranking one window, by number of
// operations. One incident is on in the judged windows. Prints a table for docs/measurements.md.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { buildSystem } from '../eval/generator/build.js';
import { effect } from '../eval/generator/system.js';
import { traffic } from '../eval/generator/traffic.js';
import { usageOf } from '../eval/generator/usage.js';
import { gatherRows, type PackedRow } from '../src/journal/posting.js';
import { packPosting } from '../src/journal/posting-writer.js';
import { learn } from '../src/baseline/learn.js';
import { detect } from '../src/detect/detect.js';
import { measureWindow } from '../src/measure/measure.js';
import { sampleTraces } from '../src/measure/sample.js';
import type { Baselines } from '../src/model/baseline.js';
import { DEFAULT_POLICY } from '../src/model/policy.js';
import { POSTED_ERROR, POSTED_ROOT } from '../src/model/posting.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import type { StructuralSpan } from '../src/model/span.js';
import { MINUTE_MS, WINDOW_MS } from '../src/model/window.js';
import { RANK_LOOK_BACK, SAMPLED_TRACES } from '../src/pipeline.js';
import { rank } from '../src/rank/rank.js';
import { median, type Step, stepTable } from './growth.js';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    windows: { type: 'string', default: '7' },
  },
});
const sizes = options.sizes.split(',').map(Number);
const timedWindows = Number(options.windows);
if (!sizes.every((size) => size >= 200 && size <= 200_000) || !(timedWindows >= 1)) {
  throw new Error('--sizes wants numbers from 200 to 200000, --windows one from 1');
}
/** Learned before anything is judged. */
const LEARNED_MINUTES = 4;
/** The generator makes about nine operations a service. */
const OPERATIONS_A_SERVICE = 9;
const SPANS_A_SECOND_EACH = 0.5;
const FROM_MS = Date.parse('2026-03-03T10:00:00Z');

const steps: Step[] = [];
for (const size of sizes) steps.push(measureSize(size));
const load = os.loadavg().map((each) => each.toFixed(1));
say(
  `\n${os.cpus().length} × ${os.cpus()[0]?.model}, load ${load.join(' ')}, Node ${process.version}, ${timedWindows} windows each\n`,
);
say(stepTable(steps));

function measureSize(size: number): Step {
  const system = buildSystem(Math.round(size / OPERATIONS_A_SERVICE), size * SPANS_A_SECOND_EACH, 1);
  const faultMs = FROM_MS + LEARNED_MINUTES * MINUTE_MS;
  const toMs = faultMs + (2 + timedWindows) * WINDOW_MS;
  // One of many that are busy enough to be judged window by window, and called by others.
  const busy = [...usageOf(system).services].filter(([service, n]) => n > 40 && /^[a-z]+-[1-3]/.test(service.name));
  const [faulty] = busy.sort((a, b) => a[1] - b[1])[0]!;
  faulty.effects.push(effect(faultMs, toMs, { slowUs: 300_000 }));

  const baselines: Baselines = { operations: new Map(), edges: new Map() };
  const history: WindowMeasure[] = [];
  const took = { measure: [] as number[], learn: [] as number[], detect: [] as number[], rank: [] as number[] };
  const timed = <T>(list: number[], isKept: boolean, run: () => T): T => {
    const began = process.cpuUsage();
    const result = run();
    const { user, system: kernel } = process.cpuUsage(began);
    if (isKept) list.push((user + kernel) / 1000);
    return result;
  };
  let spans = 0;
  for (const window of traffic(system, { fromMs: FROM_MS, toMs, seed: 1, deploys: [] })) {
    const isLearning = window.windowAtMs < faultMs;
    const isKept = window.windowAtMs >= faultMs + 2 * WINDOW_MS;
    const { postings, traces } = stored(window.windowAtMs, window.spans);
    const measured = timed(took.measure, isKept, () => {
      const unpacked = gatherRows(postings);
      const sample = sampleTraces(unpacked, SAMPLED_TRACES);
      const whole = new Map(sample.traceIds.map((id) => [id, traces.get(id) ?? []]));
      return measureWindow(window.windowAtMs, unpacked, whole, sample.total);
    });
    history.push(measured);
    if (history.length > RANK_LOOK_BACK) history.shift();
    const minute = history.slice(-MINUTE_MS / WINDOW_MS);
    if (isLearning && minute[0]!.windowAtMs % MINUTE_MS === 0 && minute.length === MINUTE_MS / WINDOW_MS) {
      const isSettled = baselines.operations.size > 0;
      timed(took.learn, isSettled, () => learn(baselines, minute, new Set(), DEFAULT_POLICY));
    }
    const recent = history.slice(-DEFAULT_POLICY.historyWindows);
    const findings = timed(took.detect, isKept, () => detect(recent, baselines, DEFAULT_POLICY, system));
    const raised = findings.filter((finding) => finding.raised);
    const groups = timed(took.rank, isKept, () => rank(raised, history, baselines, system.operations));
    if (isKept) {
      spans += window.spans.length;
      if (groups.length === 0) throw new Error('the planted fault was not noticed');
    }
  }
  globalThis.gc?.();
  const step: Step = {
    operations: baselines.operations.size,
    edges: baselines.edges.size,
    spans: Math.round(spans / timedWindows),
    measureMs: median(took.measure),
    learnMs: median(took.learn),
    detectMs: median(took.detect),
    rankMs: median(took.rank),
    heapMiB: (process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers) / 2 ** 20,
  };
  process.stderr.write(`${JSON.stringify(step)}\n`);
  return step;
}

/** Spans as the journal keeps them. */
function stored(
  windowAtMs: number,
  spans: readonly StructuralSpan[],
): { postings: PackedRow[]; traces: Map<string, StructuralSpan[]> } {
  const byOperation = grouped(spans, ({ operationId }) => operationId);
  const postings = [...byOperation].map(([operationId, its]) => {
    const plan = { segments: [{ id: '1', hour: 0 }], n: its.length, isWeighted: false, operations: null };
    const entries = packPosting(plan, (writer) =>
      its.forEach((span, i) => {
        const flags = (span.isError ? POSTED_ERROR : 0) | (span.parentSpanId === '' ? POSTED_ROOT : 0);
        const tag = parseInt(span.spanId.slice(-8), 16);
        const endOffsetUs = span.endUs - windowAtMs * 1000;
        writer.put(i, Buffer.from(span.traceId, 'hex'), 0, tag, 0, 0, endOffsetUs, flags, span.endUs - span.startUs, 0);
      }),
    );
    return { operationId, windowAtMs, entries };
  });
  return { postings, traces: grouped(spans, ({ traceId }) => traceId) };
}

function grouped<K>(spans: readonly StructuralSpan[], by: (span: StructuralSpan) => K): Map<K, StructuralSpan[]> {
  const groups = new Map<K, StructuralSpan[]>();
  for (const span of spans) {
    const group = groups.get(by(span));
    if (group) group.push(span);
    else groups.set(by(span), [span]);
  }
  return groups;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
