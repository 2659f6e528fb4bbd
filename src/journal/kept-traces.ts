import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { HOUR_MS } from '../model/window.js';
import { Dictionary } from './dictionary.js';
import { type CommitRows, type IndexedRequest, hourOf, indexSegments } from './index-spans.js';
import { pack } from './pack.js';
import type { Payload } from './pending.js';
import { JournalReader, type SegmentKey } from './read.js';
import { scan } from './scan.js';
import { keepSpans } from './splice.js';
import type { SpanTable } from './span-table.js';

/** Of one tenant in one hour: enough for every incident, and an hour full of failures does not fill the disk. */
const MOST_TRACES = 2_000;
const MOST_BYTES = 64 * 1024 * 1024;
const SEGMENTS_AT_ONCE = 16;
/** Operations with failures that are looked at, the worst first. */
const MOST_ROLLUPS = 20_000;
const TRACE_ID = /^[0-9a-f]{32}$/;

/** What stays of an hour, ready to be written. */
export interface KeptRows {
  traces: number;
  /** Number of spans by tenant. */
  spans: Map<number, number>;
  segments: { tenantId: number; id: string; hourMs: number }[];
  rows: CommitRows[];
}

/** Finds the anomalous traces of an hour, and puts their spans into segments of their own. */
@Injectable()
export class KeptTraces {
  constructor(
    private readonly db: DataSource,
    private readonly reader: JournalReader,
    private readonly dictionary: Dictionary,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async of(hourMs: number): Promise<KeptRows> {
    const kept: KeptRows = { traces: 0, spans: new Map(), segments: [], rows: [] };
    for (const [tenantId, traceIds] of await this.wanted(hourMs)) await this.add(kept, tenantId, hourMs, traceIds);
    return kept;
  }

  /** Trace ids by tenant, the most wanted first: examples of incidents, of what was raised, outliers, and examples of failures. */
  private async wanted(hourMs: number): Promise<Map<number, string[]>> {
    const range = [new Date(hourMs), new Date(hourMs + HOUR_MS)];
    const incidents = await this.db.query<
      { tenant_id: number; exemplars: string[]; causes: { exemplars: string[] }[] }[]
    >(
      `select tenant_id, exemplars, causes from incidents
        where started_at < $2::timestamptz + interval '1 hour'
          and coalesce(resolved_at, last_seen_at) >= $1::timestamptz - interval '1 hour'
        order by id`,
      range,
    );
    const raised = await this.db.query<{ tenant_id: number; operation_id: number; window_at: Date }[]>(
      `select tenant_id, operation_id, window_at from anomalies where raised and window_at >= $1 and window_at < $2`,
      range,
    );
    const seldom = await this.db.query<RollupExemplars[]>(
      `select tenant_id, exemplars from rollups
        where window_at >= $1 and window_at < $2 and (tenant_id, operation_id, window_at) in (
          select * from unnest($3::int4[], $4::int4[], $5::timestamptz[]))
        order by tenant_id, operation_id, window_at`,
      [
        ...range,
        raised.map(({ tenant_id }) => tenant_id),
        raised.map(({ operation_id }) => operation_id),
        raised.map(({ window_at }) => window_at),
      ],
    );
    const outliers = await this.db.query<{ tenant_id: number; trace_id: string }[]>(
      `select tenant_id, replace(trace_id::text, '-', '') as trace_id from outlier_traces
        where window_at >= $1 and window_at < $2 order by tenant_id, score desc, trace_id`,
      range,
    );
    const failing = await this.db.query<RollupExemplars[]>(
      `select tenant_id, exemplars from rollups where window_at >= $1 and window_at < $2 and error_count > 0
        order by error_count desc, operation_id, window_at limit ${MOST_ROLLUPS}`,
      range,
    );
    const wanted = new Map<number, Set<string>>();
    const add = (tenantId: number, traceIds: readonly string[]) => {
      let all = wanted.get(tenantId);
      if (all === undefined) wanted.set(tenantId, (all = new Set()));
      for (const id of traceIds) if (all.size < MOST_TRACES && TRACE_ID.test(id)) all.add(id);
    };
    for (const { tenant_id, exemplars, causes } of incidents) {
      add(tenant_id, [...exemplars, ...causes.flatMap((cause) => cause.exemplars)]);
    }
    for (const { tenant_id, exemplars } of seldom) add(tenant_id, [...exemplars.failed, ...exemplars.slowest]);
    for (const { tenant_id, trace_id } of outliers) add(tenant_id, [trace_id]);
    for (const { tenant_id, exemplars } of failing) add(tenant_id, exemplars.failed);
    return new Map([...wanted].map(([tenantId, ids]) => [tenantId, [...ids]]));
  }

  private async add(kept: KeptRows, tenantId: number, hourMs: number, traceIds: readonly string[]): Promise<void> {
    const keys = await this.db.query<{ segment_id: string; hour: Date }[]>(
      `select distinct segment_id, hour from trace_segments
        where trace_id = any($1::uuid[]) and tenant_id = $2 and hour = $3 order by segment_id`,
      [traceIds, tenantId, new Date(hourMs)],
    );
    const wanted = new Set(traceIds);
    const met = new Set<string>();
    let bytes = 0;
    for (let from = 0; from < keys.length && bytes < MOST_BYTES; from += SEGMENTS_AT_ONCE) {
      const some = keys.slice(from, from + SEGMENTS_AT_ONCE).map((row) => ({ id: row.segment_id, hour: row.hour }));
      bytes += await this.addSegment(kept, tenantId, hourMs, some, wanted, met);
    }
    kept.traces += met.size;
  }

  /** Makes one segment of what is wanted of several; returns its bytes. */
  private async addSegment(
    kept: KeptRows,
    tenantId: number,
    hourMs: number,
    keys: readonly SegmentKey[],
    wanted: ReadonlySet<string>,
    met: Set<string>,
  ): Promise<number> {
    const requests: IndexedRequest[] = [];
    const payloads: Payload[] = [];
    const tables = await this.reader.tables(this.db.manager, tenantId, keys);
    for (const { id } of keys) {
      const table = tables.get(id);
      const keep = table && whichOf(table, wanted, met);
      if (!table || !keep?.includes(1)) continue;
      const bytes = keepSpans(table.bytes, keep);
      const spans = scan(bytes, {
        maxAttributeDepth: Infinity,
        maxSpans: Infinity,
        weightAttributes: this.config.sampling.attributes,
        notesAttributes: true,
      });
      const { operationIds } = await this.dictionary.find(tenantId, spans);
      requests.push({ spans, operationIds });
      payloads.push({ plain: bytes });
    }
    if (requests.length === 0) return 0;
    const hash = createHash('sha256').update('kept');
    for (const { id } of keys) hash.update(id);
    const id = hash.digest().readBigInt64BE(0).toString();
    // Received within its hour: whoever is on the second page of a search still finds it on the third.
    const segments = await pack([{ id, tenantId, payloads, requests }]);
    const rows = indexSegments(segments, hourMs + HOUR_MS - 1);
    const spans = requests.reduce((sum, request) => sum + request.spans.n, 0);
    kept.rows.push(rows);
    kept.segments.push({ tenantId, id, hourMs: Math.min(...requests.map((request) => hourOf(request.spans))) });
    kept.spans.set(tenantId, (kept.spans.get(tenantId) ?? 0) + spans);
    return segments.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}

interface RollupExemplars {
  tenant_id: number;
  exemplars: { slowest: string[]; failed: string[] };
}

/** 1 for each span of a wanted trace; notes these traces. */
function whichOf({ n, bytes, traceAt }: SpanTable, wanted: ReadonlySet<string>, met: Set<string>): Uint8Array {
  const keep = new Uint8Array(n);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < n; i++) {
    const traceId = buffer.toString('hex', traceAt[i], traceAt[i]! + 16);
    if (!wanted.has(traceId)) continue;
    keep[i] = 1;
    met.add(traceId);
  }
  return keep;
}
