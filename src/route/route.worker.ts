import { Inject, Injectable } from '@nestjs/common';
import { Bell } from '../queue/bell.js';
import type { RouteLogic, Surroundings } from '../store/route-logic.js';
import { RouteStore } from '../store/route.store.js';
import { aroundOf, decideGroup, type Around } from './decide-group.js';
import { DEFAULT_ROUTING } from './default-routing.js';
import { recur, recurrenceOf } from './frequent.js';
import { firstFlushAt, placementsOf, routedLabels } from './place.js';
import { isSource } from './suppress.js';

/** Transactions of one job. */
const MAX_ROUNDS = 1_000;

/** Job `route`: puts alerts into groups and decides, group by group, who is told of what and when. */
@Injectable()
export class RouteWorker {
  constructor(
    private readonly store: RouteStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  /** Ends when nothing is due as of `atMs`, else by the clock of the database, or after so many transactions that other tenants should have their turn. */
  async run(tenantId: number, atMs: number | null = null): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const done = await this.store.next(tenantId, atMs, this.logic());
      if (done === null) return;
      if (done === 'told') await this.bell.ring('notify', tenantId);
    }
    await this.bell.ring('route', tenantId);
  }

  private logic(): RouteLogic {
    const known = new WeakMap<Surroundings, Around>();
    const aroundFor = (given: Surroundings): Around => {
      const around = known.get(given) ?? aroundOf(given);
      known.set(given, around);
      return around;
    };
    return {
      defaultRouting: DEFAULT_ROUTING,
      placementsOf,
      firstFlushAt,
      recurrenceOf,
      recur: (before, alert, heardAtMs, setting) => recur(before, alert, heardAtMs, setting),
      isSource: (inhibitions, alert) => isSource(inhibitions, routedLabels(alert)),
      flush: (group, around) => decideGroup(group, aroundFor(around)),
    };
  }
}
