import { ANY_SEVERE, type EventLine, type EventRollup, SEVERITY_ERROR } from '../model/event.js';
import type { Posting } from '../model/posting.js';
import { WINDOW_MS } from '../model/window.js';
import type { TemplateTree } from './drain.js';
import { maskText } from './mask.js';

/** A line is looked for in spans that end at most this long after it was written. */
export const EVENT_LOOK_BACK_MS = 60_000;
const MAX_EXEMPLARS = 3;

/**
 * Counts the events of one window: by the operation whose spans, ended in the window, hold them, and (operation 0) by service and their own
 * time. `lines` are those of the window and of the minute before it. Learns templates; the order of lines does not matter.
 */
export function measureEvents(
  windowAtMs: number,
  lines: readonly EventLine[],
  postings: readonly Posting[],
  tree: TemplateTree,
): EventRollup[] {
  const spans = spansOf(lines, postings);
  const isOwn = ({ source, timeMs }: EventLine): boolean =>
    source === 'log' && timeMs >= windowAtMs && timeMs < windowAtMs + WINDOW_MS;
  const counted = [
    ...lines.filter(isOwn).map((line) => ({ line, operationId: 0 })),
    ...lines.flatMap((line) => {
      const found = line.spanTag === null ? undefined : spans.get(spanKey(line.traceId, line.spanTag));
      const operationId = line.operationId ?? found;
      return operationId === undefined ? [] : [{ line, operationId }];
    }),
  ];
  const templateOf = mine(
    counted.map(({ line }) => line),
    tree,
  );
  const sums = new Map<string, Sum>();
  for (const { line, operationId } of counted) {
    add(sums, templateOf(line), operationId, line);
    if (operationId !== 0 && line.source === 'log' && line.severity >= SEVERITY_ERROR)
      add(sums, ANY_SEVERE, operationId, line);
  }
  return [...sums.values()]
    .map(({ spans: distinct, traces, ...sum }) => ({
      ...sum,
      spans: sum.operationId === 0 ? sum.n : distinct.size,
      exemplars: [...traces].sort().slice(0, MAX_EXEMPLARS),
    }))
    .sort((a, b) => a.templateId - b.templateId || a.operationId - b.operationId);
}

interface Sum {
  templateId: number;
  operationId: number;
  n: number;
  spans: Set<string>;
  traces: Set<string>;
}

function add(sums: Map<string, Sum>, templateId: number, operationId: number, line: EventLine): void {
  const key = `${templateId}@${operationId}`;
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = { templateId, operationId, n: 0, spans: new Set(), traces: new Set() }));
  sum.n++;
  if (line.spanTag !== null) sum.spans.add(spanKey(line.traceId, line.spanTag));
  if (line.traceId !== '') sum.traces.add(line.traceId);
}

/** Operation by span, for spans that some line names. */
function spansOf(lines: readonly EventLine[], postings: readonly Posting[]): Map<string, number> {
  const tags = new Set(lines.flatMap(({ spanTag }) => spanTag ?? []));
  const wanted = new Set(lines.flatMap((line) => (line.spanTag === null ? [] : spanKey(line.traceId, line.spanTag))));
  const found = new Map<string, number>();
  if (tags.size === 0) return found;
  for (const posting of postings) {
    for (let i = 0; i < posting.n; i++) {
      if (!tags.has(posting.spanTag[i]!)) continue;
      const key = spanKey(posting.traceId(i), posting.spanTag[i]!);
      if (wanted.has(key)) found.set(key, posting.operationId);
    }
  }
  return found;
}

function spanKey(traceId: string, spanTag: number): string {
  return `${traceId}/${spanTag}`;
}

/** Learns the different texts in one order, whatever the order in which they came. */
function mine(lines: readonly EventLine[], tree: TemplateTree): (line: EventLine) => number {
  const distinct = new Map<string, { line: EventLine; masked: string }>();
  const keys = new Map<EventLine, string>();
  const masks = new Map<string, string>();
  for (const line of lines) {
    let masked = masks.get(line.text);
    if (masked === undefined) masks.set(line.text, (masked = maskText(line.text)));
    const key = `${line.serviceId}|${line.source}|${line.severity}|${masked}`;
    keys.set(line, key);
    if (!distinct.has(key)) distinct.set(key, { line, masked });
  }
  const ids = new Map<string, number>();
  for (const key of [...distinct.keys()].sort()) {
    const { line, masked } = distinct.get(key)!;
    ids.set(key, tree.learn(line.serviceId, line.source, line.severity, masked).id);
  }
  return (line) => ids.get(keys.get(line)!)!;
}
