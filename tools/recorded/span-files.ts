import { createReadStream } from 'node:fs';
import { Decompress } from 'fzstd';
import { CsvCutter } from './csv.js';
import type { SpanRow, SpanTable } from './span-table.js';

const SPANS_HEADER = 'trace_id,span_id,parent_id,service,operation,start_ns,duration_us,pod';
const LOGS_HEADER = 'trace_id,span_id,time_ns,pod,body';
const NEZHA_LOGS_HEADER = 'Timestamp,TimeUnixNano,Node,PodName,Container,TraceID,SpanID,Log';
const NEZHA_HEADER = 'TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration';

/** What a CSV file holds, told by its first line; never by its name. */
export type FileFormat = 'spans' | 'nezha' | 'logs' | 'unknown';

/** The two span layouts that can be read, for messages. */
export const KNOWN_HEADERS = [SPANS_HEADER, NEZHA_HEADER] as const;

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/i;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/i;
const MAX_NS = 2n ** 63n - 1n;
// `<deployment>-<hash of the pod template>-<5 characters>`; Kubernetes makes the last two of these letters only.
const POD_SUFFIX = /-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

/** The service behind a Kubernetes pod of a Deployment (or, `name-0`, of a StatefulSet). */
export function serviceOfPod(pod: string): string {
  return pod.replace(POD_SUFFIX, '').replace(/-\d+$/, '');
}

/** Reads a line of either span layout into a span, or gives null when an id or a time is not valid. */
export function toSpan(format: 'spans' | 'nezha', fields: readonly string[]): SpanRow | null {
  const [traceId = '', spanId = '', parent = '', fourth = '', operation = '', start = '', sixth = '', last = ''] =
    fields;
  const parentId = format === 'nezha' && parent === 'root' ? '' : parent;
  if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId) || (parentId && !SPAN_ID.test(parentId))) return null;
  if (!/^\d{1,19}$/.test(start) || !/^\d{1,19}$/.test(sixth)) return null;
  const startNs = BigInt(start);
  const service = format === 'nezha' ? serviceOfPod(fourth) : fourth;
  const pod = format === 'nezha' ? fourth : last;
  const endNs = format === 'nezha' ? BigInt(sixth) : startNs + BigInt(sixth) * 1000n;
  if (startNs > MAX_NS || endNs > MAX_NS || !service || !operation) return null;
  return { traceId, spanId, parentId, service, operation, pod, startNs, endNs };
}

/** The two layouts of log lines. */
export const LOG_HEADERS = { own: LOGS_HEADER, nezha: NEZHA_LOGS_HEADER } as const;

export async function formatOf(file: string): Promise<FileFormat> {
  const [header = ''] = await beginning(file, 1);
  if (header === SPANS_HEADER) return 'spans';
  if (header === NEZHA_HEADER) return 'nezha';
  return header === LOGS_HEADER || header === NEZHA_LOGS_HEADER ? 'logs' : 'unknown';
}

/** The day (UTC, `2022-08-22`) on which the first span of a file in Nezha's layout began, or null. */
export async function firstDay(file: string): Promise<string | null> {
  const [, line = ''] = await beginning(file, 2);
  const span = toSpan('nezha', line.split(','));
  return span === null ? null : new Date(Number(span.startNs / 1_000_000n)).toISOString().slice(0, 10);
}

/** The first lines of a file, without a byte order mark. */
async function beginning(file: string, lines: number): Promise<string[]> {
  let text = '';
  for await (const chunk of content(file)) {
    text += chunk.toString('utf8');
    if (text.split('\n').length > lines || text.length > 4096) break;
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n', lines)
    .map((line) => line.trim());
}

export interface ReadCounts {
  duplicates: number;
  invalid: number;
  /** `file:line` of the first line that could not be read. */
  firstInvalid?: string;
}

/** Adds the spans of a file to the table. `onProgress` hears how many lines were read, about every 50,000. */
export async function readSpans(
  file: string,
  format: 'spans' | 'nezha',
  spans: SpanTable,
  counts: ReadCounts,
  onProgress: (spans: number) => void,
): Promise<void> {
  let line = 0;
  const cutter = new CsvCutter((fields) => {
    line += 1;
    if (line === 1) return;
    const span = toSpan(format, fields);
    if (!span) {
      counts.invalid += 1;
      counts.firstInvalid ??= `${file}:${line}`;
    } else if (!spans.add(span)) counts.duplicates += 1;
    if (line % 50_000 === 0) onProgress(spans.count);
  });
  for await (const chunk of content(file)) cutter.push(chunk);
  cutter.end();
}

/** The bytes of a file, decompressed when it ends in .zst. */
export async function* content(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
  if (!file.endsWith('.zst')) return yield* stream;
  const ready: Uint8Array[] = [];
  const decompress = new Decompress((part) => ready.push(part));
  const take = (): Buffer[] =>
    ready.splice(0).map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  try {
    for await (const chunk of stream) {
      decompress.push(chunk);
      yield* take();
    }
    decompress.push(new Uint8Array(0), true);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  yield* take();
}
