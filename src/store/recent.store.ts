import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { WindowMeasure } from '../model/rollup.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { Held } from './held.js';
import { RollupStore } from './rollup.store.js';

/** Rollups, edges and event counts of windows that are held, over all tenants: some hundred MiB at the very most. */
const MOST_ROLLUPS = 400_000;

/** Ranking, learning and rules come behind detecting: windows this much older than what was asked for are still held. */
const KEPT_MS = MINUTE_MS;

interface HeldWindow {
  revision: number;
  window: WindowMeasure;
}

/**
 * Windows that are looked at again and again, read from the database once: each is known by its revision, which every measuring raises and
 * which is asked for each time, so that any number of processes may measure. What it returns is shared and must not be changed.
 */
@Injectable()
export class RecentStore {
  private readonly windows = new Held<number, Map<number, HeldWindow>>(MOST_ROLLUPS);

  constructor(
    private readonly db: DataSource,
    private readonly rollups: RollupStore,
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
    const kept = newest(now, MOST_ROLLUPS);
    this.windows.set(tenantId, kept, weightOf(kept.values()));
    return loaded;
  }
}

function unknownWindow(windowAtMs: number): WindowMeasure {
  const nothing = { n: 0, traces: 0, sampledTraces: 0, duplicateSpans: 0 };
  return { windowAtMs, ...nothing, rollups: [], edges: [], events: [] };
}

/** As many of them as weigh no more than that, so that of a tenant that is too large the newest need not be read again. */
function newest(windows: ReadonlyMap<number, HeldWindow>, most: number): Map<number, HeldWindow> {
  let weight = 0;
  return new Map([...windows].sort(([a], [b]) => b - a).filter(([, held]) => (weight += weightOf([held])) <= most));
}

function weightOf(held: Iterable<HeldWindow>): number {
  let weight = 0;
  for (const { window } of held) weight += window.rollups.length + window.edges.length + (window.events?.length ?? 0);
  return weight;
}
