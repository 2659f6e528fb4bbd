import type { DataSource } from 'typeorm';
import { AlertWorker } from '../../src/alert/alert.worker.js';
import { RouteWorker } from '../../src/route/route.worker.js';
import { AlertStore } from '../../src/store/alert.store.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { ChannelStore } from '../../src/store/channel.store.js';
import { CorrelationStore } from '../../src/store/correlation.store.js';
import { DecisionStore } from '../../src/store/decision.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { OutsideAlertStore } from '../../src/store/outside-alert.store.js';
import { RecurrenceStore } from '../../src/store/recurrence.store.js';
import { RouteStore } from '../../src/store/route.store.js';
import { RoutingStore } from '../../src/store/routing.store.js';
import { RuleStore } from '../../src/store/rule.store.js';
import { SecretBox } from '../../src/store/secret-box.js';
import { VersionStore } from '../../src/store/version.store.js';

export const SECRET_KEY = 'a5'.repeat(32);
const NO_BELL = { ring: async () => undefined };

/** Decides on steps of incidents, as a process on this database does. */
export function alertWorkerOn(db: DataSource): AlertWorker {
  const decisions = new DecisionStore(
    db,
    new RuleStore(db),
    new CorrelationStore(db),
    new AlertStore(db),
    new AnomalyStore(db),
    new VersionStore(db),
    new IncidentStore(db),
  );
  return new AlertWorker(decisions, NO_BELL, { publicUrl: 'http://trace.test' });
}

/** Routes alerts, as a process on this database does. */
export function routeWorkerOn(db: DataSource): RouteWorker {
  const routes = new RouteStore(
    db,
    new RoutingStore(db),
    new ChannelStore(db, new SecretBox(SECRET_KEY)),
    new OutsideAlertStore(db, new AlertStore(db)),
    new RecurrenceStore(db),
  );
  return new RouteWorker(routes, NO_BELL);
}
