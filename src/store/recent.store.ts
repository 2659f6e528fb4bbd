import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Baselines } from '../model/baseline.js';
import type { WindowMeasure } from '../model/rollup.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { BaselineStore } from './baseline.store.js';
import { EventStore } from './event.store.js';
import { Held } from './held.js';
import { RollupStore } from './rollup.store.js';

/** Rollups, edges and event counts of windows that are held, and series of baselines, over all tenants: some hundred MiB at the very most. */
const MOST_ROLLUPS = 400_000;
const MOST_SERIES = 100_000;

/** Detecting runs ahead of ranking: windows this much older than what was asked for are still held. */
const KEPT_MS = 2 * MINUTE_MS;

interface HeldWindow {
  revision: number;
  window: WindowMeasure;
}

/**
 * What is looked at again for every window, read from the database once: windows are known by their revision, which every measuring raises,
 * and baselines by how far the baseline stage is, which moves in the transaction that writes them. Both are asked for each time, so that any number
 * of processes may measure and learn. What it returns is shared and must not be changed.
 */
@Injectable()
export class RecentStore {
  private readonly windows = new Held<number, Map<number, HeldWindow>>(MOST_ROLLUPS);
  private readonly learned = new Held<number, { through: string; baselines: Baselines }>(MOST_SERIES);

  constructor(
    private readonly db: DataSource,
    private readonly rollups: RollupStore,
    private readonly baselines: BaselineStore,
    private readonly events: EventStore,
  ) {}

  /** As RollupStore.load. */
  async load(tenantId: number, fromMs: number, toMs: number): Promise<WindowMeasure[]> {
    const known = this.windows.get(tenantId) ?? new Map<number, HeldWindow>();
    // Asked before the windows are read: one that is measured in between is read again the next time.
    const rows = await this.db.query<{ at_ms: string; revision: number }[]>(
      `select extract(epoch from window_at) * 1000 as at_ms, revision
         from window_totals where tenant_id = $1 and window_at >= $2 and window_at < $3`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    const revisions = new Map(rows.map((row) => [Number(row.at_ms), row.revision]));
    const isHeld = (atMs: number): boolean => revisions.has(atMs) && known.get(atMs)?.revision === revisions.get(atMs);
    const missing = [...revisions.keys()].filter((atMs) => !isHeld(atMs));
    const read =
      missing.length === 0
        ? []
        : await this.rollups.load(tenantId, Math.min(...missing), Math.max(...missing) + WINDOW_MS);
    const now = new Map([...known].filter(([atMs]) => atMs >= fromMs - KEPT_MS));
    const loaded: WindowMeasure[] = [];
    const fresh = new Map(read.map((window) => [window.windowAtMs, window]));
    for (let atMs = fromMs; atMs < toMs; atMs += WINDOW_MS) {
      const revision = revisions.get(atMs);
      const window = isHeld(atMs) ? known.get(atMs)!.window : (fresh.get(atMs) ?? unknownWindow(atMs));
      if (revision === undefined) now.delete(atMs);
      else now.set(atMs, { revision, window });
      loaded.push(window);
    }
    this.windows.set(tenantId, now, weightOf(now.values()));
    return loaded;
  }

  /** As BaselineStore.load. */
  async normal(tenantId: number): Promise<Baselines> {
    const [cursor] = await this.db.query<{ through: string }[]>(
      `select done_through::text as through from stage_cursors where tenant_id = $1 and stage = 'baseline'`,
      [tenantId],
    );
    const through = cursor?.through ?? '';
    const known = this.learned.get(tenantId);
    // Templates are added while windows are measured.
    if (known?.through === through) return { ...known.baselines, events: await this.events.load(tenantId) };
    const baselines = await this.baselines.load(tenantId);
    this.learned.set(tenantId, { through, baselines }, baselines.operations.size + baselines.edges.size);
    return baselines;
  }
}

function unknownWindow(windowAtMs: number): WindowMeasure {
  const nothing = { n: 0, traces: 0, sampledTraces: 0, duplicateSpans: 0 };
  return { windowAtMs, ...nothing, rollups: [], edges: [], events: [] };
}

function weightOf(held: Iterable<HeldWindow>): number {
  let weight = 0;
  for (const { window } of held) weight += window.rollups.length + window.edges.length + (window.events?.length ?? 0);
  return weight;
}
