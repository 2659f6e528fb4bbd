import { severityOf } from '../src/measure/severity.js';
import type { EventLine } from '../src/model/event.js';
import type { Operation } from '../src/model/operation.js';
import type { StructuralSpan } from '../src/model/span.js';
import { WINDOW_MS } from '../src/model/window.js';
import type { Recording } from '../tools/recorded/recording.js';

/** A recording's operations and which of them each row of its span table is. */
export interface RecordedOperations {
  operations: Map<number, Operation>;
  /** Operation id by row. */
  idOfRow: Uint32Array;
}

export interface FedWindow {
  windowAtMs: number;
  spans: StructuralSpan[];
}

/** Numbers the operations (service, name, kind) in the order in which they occur, from 1. */
export function operationsOf({ spans, kinds }: Pick<Recording, 'spans' | 'kinds'>): RecordedOperations {
  const operations = new Map<number, Operation>();
  const idOfRow = new Uint32Array(spans.count);
  const ids = new Map<number, number>();
  const names = spans.operationNames.count;
  for (let row = 0; row < spans.count; row += 1) {
    const kind = kinds[row]!;
    const key = (spans.service(row) * names + spans.operation(row)) * 8 + kind;
    let id = ids.get(key);
    if (id === undefined) {
      id = ids.size + 1;
      ids.set(key, id);
      operations.set(id, {
        id,
        serviceId: spans.service(row) + 1,
        service: spans.serviceNames.name(spans.service(row)),
        name: spans.operationNames.name(spans.operation(row)),
        kind,
      });
    }
    idOfRow[row] = id;
  }
  return { operations, idOfRow };
}

/**
 * Which rows count as failed, in recordings that have no status: the spans named `errorSpan` (an error handler's, say) and the spans of
 * the same service above them. None, when no name is given.
 */
export function failures({ spans }: Pick<Recording, 'spans'>, errorSpan: string | null): (row: number) => boolean {
  const failed = new Set<number>();
  const rows = errorSpan === null ? 0 : spans.count;
  for (let row = 0; row < rows; row += 1) {
    if (spans.operationNames.name(spans.operation(row)) !== errorSpan) continue;
    for (let at = row; at >= 0 && spans.service(at) === spans.service(row) && !failed.has(at); at = spans.parentRow(at))
      failed.add(at);
  }
  return (row) => failed.has(row);
}

/**
 * The recording as the pipeline would see it: window by window in the order of ends, windows without a span included.
 * `isError` tells which rows count as failed (recordings have no status); times are cut to microseconds.
 */
export function* windowsOf(
  { spans, kinds, order }: Pick<Recording, 'spans' | 'kinds' | 'order'>,
  { idOfRow }: RecordedOperations,
  isError: (row: number) => boolean,
): Generator<FedWindow, void, undefined> {
  const baseUs = Number(spans.baseNs / 1000n);
  const restNs = Number(spans.baseNs % 1000n);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  let window: FedWindow | null = null;
  for (const row of order) {
    const startUs = baseUs + Math.floor((spans.startNs(row) + restNs) / 1000);
    const endUs = Math.max(startUs, baseUs + Math.floor((spans.endNs(row) + restNs) / 1000));
    const windowAtMs = Math.floor(endUs / 1000 / WINDOW_MS) * WINDOW_MS;
    window ??= { windowAtMs, spans: [] };
    while (window.windowAtMs < windowAtMs) {
      yield window;
      window = { windowAtMs: window.windowAtMs + WINDOW_MS, spans: [] };
    }
    window.spans.push({
      traceId: hex(spans.traceId(row)),
      spanId: hex(spans.spanId(row)),
      parentSpanId: hex(spans.parentId(row)),
      operationId: idOfRow[row]!,
      serviceId: spans.service(row) + 1,
      kind: kinds[row]!,
      startUs,
      endUs,
      isError: isError(row),
    });
  }
  if (window !== null) yield window;
}

/** The log lines of a recording as the measure stage gets them, by time; span ids are folded as in the fed spans. */
export function linesOf({ logs, spans }: Pick<Recording, 'logs' | 'spans'>): EventLine[] {
  const services = new Map<string, number>();
  for (let row = 0; row < spans.count; row += 1) {
    const service = spans.service(row);
    services.set(spans.serviceNames.name(service), service + 1);
  }
  return logs.map(({ timeNs, traceId, spanId, service, body }) => ({
    source: 'log',
    serviceId: services.get(service) ?? 0,
    severity: severityOf(0, '', body),
    text: body,
    timeMs: Number(timeNs / 1_000_000n),
    traceId,
    spanTag: parseInt(spanId.slice(-8), 16),
  }));
}
