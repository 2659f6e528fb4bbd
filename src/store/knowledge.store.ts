import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Baselines, edgeEnds } from '../model/baseline.js';
import { type EventTemplate, fromEventKey } from '../model/event.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { AnomalyStore } from './anomaly.store.js';
import { BaselineStore, type Learned } from './baseline.store.js';
import { EventStore } from './event.store.js';
import { Held } from './held.js';

/** Over all tenants: some hundred MiB at the very most. */
const MOST_SERIES = 100_000;
const MOST_OPERATIONS = 300_000;
const MOST_TEMPLATES = 300_000;

interface HeldOperations {
  operations: ReadonlyMap<number, Operation>;
  serviceOf: ReadonlyMap<number, number>;
  /** Windows of which every operation was found. */
  checked: WeakSet<WindowMeasure>;
}

/** What a window is judged by; shared, and not to be changed. */
export interface Knowledge {
  operations: ReadonlyMap<number, Operation>;
  baselines: Baselines;
}

/**
 * What is known of a tenant's operations and of what is normal for them, read from the database once: baselines are held as of the cursor of
 * their stage, which moves in the transaction that writes them, templates by the number of their last change, and operations, which never
 * change, until one turns up that is not among them. All is asked for each time, so that any number of processes may learn.
 */
@Injectable()
export class KnowledgeStore {
  private readonly learned = new Held<number, { throughMs: number | null; learned: Learned }>(MOST_SERIES);
  private readonly named = new Held<number, HeldOperations>(MOST_OPERATIONS);
  private readonly templates = new Held<number, { changeNo: number; templates: Map<number, EventTemplate> }>(
    MOST_TEMPLATES,
  );

  constructor(
    private readonly db: DataSource,
    private readonly anomalies: AnomalyStore,
    private readonly baselines: BaselineStore,
    private readonly events: EventStore,
  ) {}

  /** What the windows are to be judged by. */
  async about(tenantId: number, windows: readonly WindowMeasure[]): Promise<Knowledge> {
    const [row] = await this.db.query<{ through_ms: string }[]>(
      `select extract(epoch from done_through) * 1000 as through_ms from stage_cursors where tenant_id = $1 and stage = 'baseline'`,
      [tenantId],
    );
    const throughMs = row === undefined ? null : Number(row.through_ms);
    const held = this.learned.get(tenantId);
    if (held?.throughMs === throughMs) return this.knowledge(tenantId, held.learned, windows);
    const learned = await this.baselines.load(tenantId, throughMs);
    this.learned.set(tenantId, { throughMs, learned }, weightOf(learned));
    return this.knowledge(tenantId, learned, windows);
  }

  /**
   * The same for whoever holds the lease of the baseline stage, of which the cursor is at `throughMs`: to be changed, and given back with
   * `keep` when the changes are committed. When it is not given back it is read anew.
   */
  async take(tenantId: number, throughMs: number, windows: readonly WindowMeasure[]): Promise<Knowledge> {
    const held = this.learned.take(tenantId);
    const learned = held?.throughMs === throughMs ? held.learned : await this.baselines.load(tenantId, throughMs);
    return this.knowledge(tenantId, learned, windows);
  }

  keep(tenantId: number, throughMs: number, { baselines }: Knowledge): void {
    const learned = {
      operations: inOrder(baselines.operations, (id) => [id]),
      edges: inOrder(baselines.edges, edgeEnds),
      events: inOrder(baselines.events!.baselines, (key) => {
        const { templateId, operationId } = fromEventKey(key);
        return [templateId, operationId];
      }),
    };
    this.learned.set(tenantId, { throughMs, learned }, weightOf(learned));
  }

  private async knowledge(tenantId: number, learned: Learned, windows: readonly WindowMeasure[]): Promise<Knowledge> {
    const { operations, serviceOf } = await this.operationsOf(tenantId, windows);
    const templates = await this.templatesOf(tenantId);
    const events = { baselines: learned.events, templates, serviceOf };
    return { operations, baselines: { operations: learned.operations, edges: learned.edges, events } };
  }

  private async operationsOf(tenantId: number, windows: readonly WindowMeasure[]): Promise<HeldOperations> {
    const held = this.named.get(tenantId);
    if (held !== undefined && windows.every((window) => isKnown(window, held))) return held;
    const operations = await this.anomalies.operations(tenantId);
    const serviceOf = new Map([...operations].map(([id, { serviceId }]) => [id, serviceId]));
    const loaded = { operations, serviceOf, checked: new WeakSet(windows) };
    this.named.set(tenantId, loaded, operations.size);
    return loaded;
  }

  private async templatesOf(tenantId: number): Promise<Map<number, EventTemplate>> {
    const held = this.templates.get(tenantId);
    const changed = await this.events.changedSince(tenantId, held?.changeNo ?? null);
    const templates = held?.templates ?? new Map<number, EventTemplate>();
    for (const template of changed.templates) templates.set(template.id, template);
    this.templates.set(tenantId, { changeNo: changed.changeNo, templates }, templates.size);
    return templates;
  }
}

function isKnown(window: WindowMeasure, { operations, checked }: HeldOperations): boolean {
  if (checked.has(window)) return true;
  const isAll =
    window.rollups.every(({ operationId }) => operations.has(operationId)) &&
    window.edges.every(({ callerId, calleeId }) => operations.has(callerId) && operations.has(calleeId)) &&
    (window.events ?? []).every(({ operationId }) => operationId === 0 || operations.has(operationId));
  if (isAll) checked.add(window);
  return isAll;
}

/** In the order of the ids, as they are read; what is new stands last. */
function inOrder<K, V>(map: Map<K, V>, idsOf: (key: K) => number[]): Map<K, V> {
  const compare = (a: number[], b: number[]): number => a[0]! - b[0]! || (a[1] ?? 0) - (b[1] ?? 0);
  const entries = Array.from(map, (entry) => ({ ids: idsOf(entry[0]), entry }));
  if (entries.every(({ ids }, i) => i === 0 || compare(entries[i - 1]!.ids, ids) < 0)) return map;
  return new Map(entries.sort((a, b) => compare(a.ids, b.ids)).map(({ entry }) => entry));
}

function weightOf({ operations, edges, events }: Learned): number {
  return operations.size + edges.size + events.size;
}
