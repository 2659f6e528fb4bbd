import { CsvCutter } from './csv.js';
import { content, type ReadCounts, serviceOfPod } from './span-files.js';
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
  const cutter = new CsvCutter(([traceId = '', spanId = '', time = '', pod = '', body = '']) => {
    line += 1;
    if (line === 1) return;
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
