import { CsvCutter } from './csv.js';
import { content, LOG_HEADERS, type ReadCounts, serviceOfPod } from './span-files.js';
import type { SpanTable } from './span-table.js';

/** A log line of a recording, on the data's own time scale. */
export interface RecordedLog {
  timeNs: bigint;
  /** 32 and 16 lower-case hex digits. */
  traceId: string;
  spanId: string;
  service: string;
  pod: string;
  body: string;
}

const TIME = /^\d{1,19}$/;

/**
 * The lines of a log file whose span is among `spans`, in no order. A line without a time that makes sense is taken to be written when its
 * span ended.
 */
export async function readLogs(file: string, spans: SpanTable, counts: ReadCounts): Promise<RecordedLog[]> {
  const logs: RecordedLog[] = [];
  let line = 0;
  let isNezha = false;
  const cutter = new CsvCutter((fields) => {
    line += 1;
    if (line === 1) {
      isNezha = fields.join() === LOG_HEADERS.nezha;
      return;
    }
    const { traceId, spanId, time, pod, body } = isNezha ? nezhaLine(fields) : ownLine(fields);
    const row = spans.rowOf(traceId, spanId);
    if (row < 0) {
      counts.invalid += 1;
      counts.firstInvalid ??= `${file}:${line}`;
      return;
    }
    const timeNs = TIME.test(time) && time !== '0' ? BigInt(time) : spans.baseNs + BigInt(spans.endNs(row));
    logs.push({
      timeNs,
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
      service: serviceOfPod(pod),
      pod,
      body,
    });
  });
  for await (const chunk of content(file)) cutter.push(chunk);
  cutter.end();
  return logs;
}

interface LogLine {
  traceId: string;
  spanId: string;
  time: string;
  pod: string;
  body: string;
}

function ownLine([traceId = '', spanId = '', time = '', pod = '', body = '']: readonly string[]): LogLine {
  return { traceId, spanId, time, pod, body };
}

/** The text lies in a JSON record of the container's log; the ids that were printed into it for the data set's sake are taken out. */
function nezhaLine(fields: readonly string[]): LogLine {
  const [, time = '', , pod = '', , traceId = '', spanId = '', record = ''] = fields;
  return { traceId, spanId, time, pod, body: textOf(record).replace(PRINTED_IDS, '').trimEnd() };
}

const PRINTED_IDS = /TraceID: [0-9a-f]{32} SpanID: [0-9a-f]{16} ?/i;

function textOf(record: string): string {
  try {
    const parsed = JSON.parse(record) as { log?: unknown } | null;
    return typeof parsed?.log === 'string' ? parsed.log : record;
  } catch {
    return record;
  }
}
