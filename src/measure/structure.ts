import { addInstance, type InstancePart } from '../model/instance.js';
import { addPart, emptyPaths } from '../model/paths.js';
import type { EdgeRollup, Rollup } from '../model/rollup.js';
import { addShape, shapeOf } from '../model/shape.js';
import { KIND_CLIENT, type StructuralSpan } from '../model/span.js';
import { alignClocks } from './align.js';
import { partsOf, waitingParents } from './asynchrony.js';
import { childPositions, criticalPath, deepestFailing } from './critical-path.js';
import { depths, parentPositions, selfTimes } from './self-time.js';
import { apart } from './shared-ids.js';

const NONE: ReadonlySet<number> = new Set();

/** Adds what one whole trace says to the rollups of its operations and edges. */
export function addStructure(
  received: readonly StructuralSpan[],
  rollupOf: (operationId: number) => Rollup,
  edgeOf: (callerId: number, calleeId: number) => EdgeRollup,
): void {
  const sent = apart(received);
  const parents = parentPositions(sent);
  const depth = depths(parents);
  const spans = alignClocks(sent, parents, depth);
  const waiting = waitingParents(spans, parents);
  const self = selfTimesOfParts(spans, depth, partsOf(parents, waiting, depth));
  const failingChild = new Uint8Array(spans.length);
  // -1: no child in another service; -2: several; else the position of the only one.
  const callees: (Set<number> | undefined)[] = [];
  const remoteChild = new Int32Array(spans.length).fill(-1);
  spans.forEach((span, i) => {
    const parent = parents[i]!;
    if (parent === -1) return;
    const caller = spans[parent]!;
    const edge = edgeOf(caller.operationId, span.operationId);
    edge.calls++;
    (callees[parent] ??= new Set()).add(span.operationId);
    if (span.isError) edge.errors++;
    if (waiting[i] === -1) return;
    if (span.isError) failingChild[parent] = 1;
    if (caller.serviceId !== span.serviceId) remoteChild[parent] = remoteChild[parent] === -1 ? i : -2;
  });
  spans.forEach((span, i) => {
    const rollup = rollupOf(span.operationId);
    rollup.sampledN++;
    addShape(rollup.shapes, shapeOf(callees[i] ?? NONE), 1);
    const failed = span.isError && failingChild[i] === 0 ? 1 : 0;
    rollup.failedHere += failed;
    const callee = remoteChild[i]!;
    if (callee >= 0 && span.kind === KIND_CLIENT) {
      // A client span's own time is time between the two services: it belongs to the edge, not to the caller's work.
      const server = spans[callee]!;
      const gapUs = Math.max(0, span.endUs - span.startUs - (server.endUs - server.startUs));
      edgeOf(span.operationId, server.operationId).gap.add(gapUs);
      addInstanceOf(rollup, span, { n: 1, failed, us: gapUs, gapUs: 0 });
      addInstanceOf(rollupOf(server.operationId), server, { n: 0, failed: 0, us: 0, gapUs });
    } else {
      rollup.selfTime.add(self[i]!);
      addInstanceOf(rollup, span, { n: 1, failed, us: self[i]!, gapUs: 0 });
    }
  });
  addPaths(spans, waiting, rollupOf);
}

function selfTimesOfParts(
  spans: readonly StructuralSpan[],
  depth: Int32Array,
  parts: readonly (readonly number[])[],
): Float64Array {
  if (parts.length === 1) return selfTimes(spans, depth);
  const self = new Float64Array(spans.length);
  for (const part of parts) {
    const times = selfTimes(
      part.map((i) => spans[i]!),
      Int32Array.from(part, (i) => depth[i]!),
    );
    part.forEach((i, at) => (self[i] = times[at]!));
  }
  return self;
}

function addInstanceOf(rollup: Rollup, { servedBy }: StructuralSpan, part: InstancePart): void {
  if (servedBy !== undefined && servedBy !== '') addInstance(rollup.instances, servedBy, part);
}

function addPaths(
  spans: readonly StructuralSpan[],
  waiting: readonly number[],
  rollupOf: (operationId: number) => Rollup,
): void {
  const children = childPositions(waiting);
  spans.forEach((span, i) => {
    if (span.parentSpanId !== '') return;
    const paths = (rollupOf(span.operationId).paths ??= emptyPaths());
    paths.traces++;
    paths.durationUs += span.endUs - span.startUs;
    for (const [position, us] of criticalPath(spans, children, i)) addPart(paths, spans[position]!.operationId, us, 0);
    if (!span.isError) return;
    paths.failed++;
    addPart(paths, spans[deepestFailing(spans, children, i)]!.operationId, 0, 1);
  });
}
