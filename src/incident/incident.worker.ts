import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { WINDOW_MS, windowsBetween } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { IncidentStore } from '../store/incident.store.js';
import { RollupStore } from '../store/rollup.store.js';
import { type Change, CONFIRMED_WITHIN_MS, REOPEN_WITHIN_MS, step } from './lifecycle.js';

/** Ranked groups → incidents and the steps of their lives. */
@Injectable()
export class IncidentWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly rollups: RollupStore,
    private readonly anomalies: AnomalyStore,
    private readonly incidents: IncidentStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('incident', tenantId, async ({ fromMs, toMs }) => {
      const groups = await this.anomalies.groups(tenantId, fromMs - CONFIRMED_WITHIN_MS, toMs);
      const hasData = await this.rollups.windowsWithData(tenantId, fromMs, toMs);
      const current = new Map(
        (await this.incidents.current(tenantId, fromMs - REOPEN_WITHIN_MS)).map((incident) => [incident.id, incident]),
      );
      const changes: (Change & { atMs: number })[] = [];
      for (const atMs of windowsBetween(fromMs, toMs)) {
        const changed = step(
          [...current.values()],
          groups.filter((group) => group.windowAtMs === atMs),
          {
            atMs,
            hasData: hasData.has(atMs),
            before: groups.filter(({ windowAtMs }) => windowAtMs < atMs && windowAtMs >= atMs - CONFIRMED_WITHIN_MS),
          },
          { tenantId, idOf: (groupNo) => incidentId(tenantId, atMs, groupNo) },
        );
        for (const change of changed) {
          current.set(change.incident.id, change.incident);
          changes.push({ ...change, atMs: atMs + WINDOW_MS });
        }
      }
      return async (tx) => {
        // Every step is written in its order: an event must find its incident's row.
        for (const { incident, event, told = incident, atMs } of changes) {
          await this.incidents.save(tx, incident);
          if (event === null) continue;
          await this.incidents.addEvent(tx, told, event.kind, atMs, event.reason);
        }
      };
    });
  }
}

/** The same window and group always make the same incident: a repeated run changes nothing. */
function incidentId(tenantId: number, windowAtMs: number, groupNo: number): string {
  const hex = createHash('sha256').update(`incident:${tenantId}:${windowAtMs}:${groupNo}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
