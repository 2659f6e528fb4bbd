/** A span as a row of a page: `depth` callers above it, `startUs` after the first of the trace. */
export interface TraceRow {
  depth: number;
  service: string;
  name: string;
  startUs: number;
  durationUs: number;
  isError: boolean;
}

interface Span {
  spanId: string;
  parentSpanId: string | null;
  service: string;
  name: string;
  startTimeUnixNano: string;
  durationUs: number;
  status: { code: string };
}

/** Each span below the one that called it, by start; spans whose caller is not there, or that call each other in a ring, stand at the left. */
export function traceRows(spans: readonly Span[]): TraceRow[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const firstNs = spans.reduce<bigint | null>((first, { startTimeUnixNano }) => {
    const ns = BigInt(startTimeUnixNano);
    return first === null || ns < first ? ns : first;
  }, null);
  const below = new Map<string, Span[]>();
  const roots: Span[] = [];
  for (const span of spans) {
    const { parentSpanId } = span;
    if (parentSpanId === null || !ids.has(parentSpanId)) roots.push(span);
    else below.set(parentSpanId, [...(below.get(parentSpanId) ?? []), span]);
  }
  const rows: TraceRow[] = [];
  const seen = new Set<string>();
  const walk = (from: readonly Span[]) => {
    const open = from.toReversed().map((span) => ({ span, depth: 0 }));
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { span, depth } = next;
      if (seen.has(span.spanId)) continue;
      seen.add(span.spanId);
      rows.push(rowOf(span, depth, firstNs ?? 0n));
      for (const child of (below.get(span.spanId) ?? []).toReversed()) open.push({ span: child, depth: depth + 1 });
    }
  };
  walk(roots);
  for (const span of spans) if (!seen.has(span.spanId)) walk([span]);
  return rows;
}

function rowOf(
  { service, name, startTimeUnixNano, durationUs, status }: Span,
  depth: number,
  firstNs: bigint,
): TraceRow {
  const startUs = Number(BigInt(startTimeUnixNano) - firstNs) / 1_000;
  return { depth, service, name, startUs, durationUs, isError: status.code === 'error' };
}
