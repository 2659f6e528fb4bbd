import type { FactoryProvider } from '@nestjs/common';
import { CloseWorker } from './journal/close.worker.js';
import { DUE, type DueJob, type JobName } from './queue/jobs.js';
import { CursorStore } from './store/cursor.store.js';
import { IncidentStore } from './store/incident.store.js';
import { NotificationStore } from './store/notification.store.js';
import { ProposalStore } from './store/proposal.store.js';
import { RouteStore } from './store/route.store.js';

/** Everything that waits in Postgres, for the tick. */
export const dueProvider: FactoryProvider<() => Promise<DueJob[]>> = {
  provide: DUE,
  inject: [CloseWorker, CursorStore, IncidentStore, RouteStore, NotificationStore, ProposalStore],
  useFactory:
    (
      close: CloseWorker,
      cursors: CursorStore,
      incidents: IncidentStore,
      routes: RouteStore,
      notifications: NotificationStore,
      proposals: ProposalStore,
    ) =>
    async () => {
      const [closable, stages, undecided, unrouted, unsent, unproposed] = await Promise.all([
        close.due(),
        cursors.due(),
        incidents.undecided(),
        routes.due(),
        notifications.dueTenants(),
        proposals.asked(),
      ]);
      return [
        ...closable,
        ...stages,
        ...jobs('alert', undecided),
        ...jobs('route', unrouted),
        ...jobs('notify', unsent),
        ...jobs('propose', unproposed),
      ];
    },
};

function jobs(job: JobName, tenantIds: readonly number[]): DueJob[] {
  return tenantIds.map((tenantId) => ({ job, tenantId }));
}
