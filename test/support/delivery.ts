import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { ActionLinks } from '../../src/access/action-links.js';
import { ReadLinks } from '../../src/access/read-links.js';
import type { ChannelSettings, ChannelType } from '../../src/model/channel.js';
import type { Incident, IncidentEventKind, Severity } from '../../src/model/incident.js';
import { Egress } from '../../src/notify/egress.js';
import { NotifyWorker } from '../../src/notify/notify.worker.js';
import { Senders } from '../../src/notify/senders.js';
import { Surroundings } from '../../src/notify/surroundings.js';
import { ChannelHealthStore } from '../../src/store/channel-health.store.js';
import { ChartStore } from '../../src/store/chart.store.js';
import { ChannelThreadStore } from '../../src/store/channel-thread.store.js';
import { DigestStore } from '../../src/store/digest.store.js';
import { ChannelStore } from '../../src/store/channel.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { MessageContextStore } from '../../src/store/message-context.store.js';
import { NotificationStore } from '../../src/store/notification.store.js';
import { RuleStore } from '../../src/store/rule.store.js';
import { SecretBox } from '../../src/store/secret-box.js';
import { alertWorkerOn, routeWorkerOn, SECRET_KEY } from './alert-workers.js';
import { createTestDatabase } from './database.js';

const BEGAN_MS = Date.parse('2026-11-21T03:11:40Z');

/** What one process does of alerting and notifying, on the database of the test. */
interface Process {
  db: DataSource;
  rules: RuleStore;
  channels: ChannelStore;
  health: ChannelHealthStore;
  notifications: NotificationStore;
  /** Alerting and routing, one after the other; routing as of `nowMs`, else of now. */
  alert: { run(tenantId: number, nowMs?: number): Promise<void> };
  notify: NotifyWorker;
}

export interface Delivery extends Process {
  /** Another process on the same database. */
  another(options?: ProcessOptions): Promise<Process>;
  /** The next step in an incident's life, undecided. */
  step(incidentId: string, kind: IncidentEventKind, severity?: Severity, tenantId?: number): Promise<void>;
  /** An incident that opens, decided and routed; gives its id. */
  open(): Promise<string>;
  /** A channel whose URL is `url`, with its signing secret where it has one. */
  channel<T extends ChannelType>(
    type: T,
    url: string,
    tenantId?: number,
    settings?: ChannelSettings[T],
  ): Promise<{ id: string; secret: string }>;
  /** As if the waiting time of everything pending were over. */
  makeDue(): Promise<void>;
  /** As if that much time had passed, for all that waits; less than 0: as if the clock of the database were set back. */
  advance(seconds: number): Promise<void>;
  outbox(): Promise<OutboxRow[]>;
  close(): Promise<void>;
}

export interface OutboxRow {
  id: string;
  incident_id: string;
  channel_id: string;
  kind: IncidentEventKind;
  state: 'pending' | 'sent' | 'failed' | 'digested';
  attempts: number;
  wait_s: number;
  last_error: string | null;
  tries: { attempt: number; status: number | null; outcome: string; reason: string }[];
}

interface ProcessOptions {
  allow?: string[];
  timeoutMs?: number;
  secretKey?: string;
  previousSecretKeys?: string[];
  /** Whether messages have links to acknowledge and so on. */
  hasLinks?: boolean;
}

/** A database with nothing but the default tenant, and one process on it. */
export async function startDelivery(name: string, options: ProcessOptions = {}): Promise<Delivery> {
  const database = await createTestDatabase(name);
  const opened: { db: DataSource; egress: Egress }[] = [];
  const another = async (more: ProcessOptions = {}): Promise<Process> => {
    const {
      allow = ['127.0.0.0/8', '::1/128'],
      timeoutMs = 2_000,
      secretKey = SECRET_KEY,
      previousSecretKeys = [],
      hasLinks = false,
    } = { ...options, ...more };
    const db = await createDataSource(database.url, 6).initialize();
    const egress = new Egress(allow, timeoutMs);
    opened.push({ db, egress });
    const rules = new RuleStore(db);
    const channels = new ChannelStore(db, new SecretBox(secretKey, previousSecretKeys));
    const notifications = new NotificationStore(db);
    const publicUrl = 'http://trace.test';
    const health = new ChannelHealthStore(db);
    const notify = new NotifyWorker(
      notifications,
      channels,
      health,
      new ChannelThreadStore(db),
      new DigestStore(db),
      new Senders(egress, publicUrl),
      new Surroundings(
        new ChartStore(db),
        new MessageContextStore(db),
        new ActionLinks(new SecretBox(secretKey), { publicUrl, publicUrlIsSet: hasLinks }),
        new ReadLinks(new SecretBox(secretKey), { publicUrl, publicUrlIsSet: hasLinks }),
      ),
      { publicUrl },
    );
    const [alert, route] = [alertWorkerOn(db), routeWorkerOn(db)];
    const both = {
      run: async (tenantId: number, nowMs?: number) => {
        await alert.run(tenantId);
        await route.run(tenantId, nowMs);
      },
    };
    return { db, rules, channels, health, notifications, alert: both, notify };
  };
  const first = await another();
  await first.db.runMigrations();
  const incidents = new IncidentStore(first.db);
  const step: Delivery['step'] = (incidentId, kind, severity = 'warning', tenantId = 1) =>
    first.db.transaction(async (tx) => {
      const incident = anIncident(incidentId, tenantId, kind, severity);
      await incidents.save(tx, incident);
      await incidents.addEvent(tx, incident, kind, BEGAN_MS + 20_000, `test: ${kind}`);
      // Nobody compares traces here: as if that had been waited for.
      await tx.query(`update incident_events set created_at = now() - interval '1 minute'`);
    });
  return {
    ...first,
    another,
    step,
    open: async () => {
      const incidentId = randomUUID();
      await step(incidentId, 'opened');
      await first.alert.run(1);
      return incidentId;
    },
    channel: async (type, url, tenantId = 1, settings) => {
      const made = await first.channels.create(tenantId, {
        name: randomUUID(),
        type,
        enabled: true,
        url: { full: url, shown: 'shown' },
        ...(settings && { settings }),
      });
      return { id: made.id, secret: made.signingSecret ?? '' };
    },
    makeDue: async () => {
      await first.db.query(`update notifications set next_attempt_at = now() where state = 'pending'`);
      await first.db.query(
        `update channel_health set wait_until = null, open_until = case when open_until is not null then now() end`,
      );
      await first.db.query(`update channel_resends set next_at = now()`);
    },
    advance: async (seconds) => {
      await first.db.query(
        `update notifications set next_attempt_at = next_attempt_at - make_interval(secs => $1),
           created_at = created_at - make_interval(secs => $1), sent_at = sent_at - make_interval(secs => $1),
           leased_until = leased_until - make_interval(secs => $1)`,
        [seconds],
      );
      await first.db.query(
        `update channel_health set open_until = open_until - make_interval(secs => $1),
           wait_until = wait_until - make_interval(secs => $1), failing_since = failing_since - make_interval(secs => $1)`,
        [seconds],
      );
      await first.db.query(`update delivery_attempts set at = at - make_interval(secs => $1)`, [seconds]);
    },
    outbox: () =>
      first.db.query(
        `select n.id, n.incident_id, n.channel_id, n.kind, n.state, n.attempts, n.last_error,
           extract(epoch from n.next_attempt_at - now())::float8 as wait_s,
           (select coalesce(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'status', a.status, 'outcome', a.outcome,
              'reason', a.reason) order by a.attempt), '[]')
            from delivery_attempts a where a.notification_id = n.id) as tries
         from notifications n order by n.created_at, n.incident_id, n.sequence, n.channel_id`,
      ),
    close: async () => {
      for (const { db, egress } of opened) {
        await egress.close();
        if (db.isInitialized) await db.destroy();
      }
      await database.drop();
    },
  };
}

/** An incident of one operation, as it stands after a step of that kind. */
export function anIncident(id: string, tenantId: number, kind: IncidentEventKind, severity: Severity): Incident {
  const over = kind === 'resolved';
  const named = { operationId: 7, service: 'cart', operation: 'GetCart' };
  const figures = { observed: 1_900_000, expected: 240_000, unit: 'us', n: 50 } as const;
  const traceId = 'ab'.repeat(16);
  return {
    id,
    tenantId,
    state: over ? 'resolved' : 'open',
    severity,
    startedMs: BEGAN_MS,
    openedMs: BEGAN_MS + 20_000,
    lastSeenMs: BEGAN_MS + 60_000,
    resolvedMs: over ? BEGAN_MS + 120_000 : null,
    quietWindows: over ? 6 : 0,
    flaps: 0,
    causes: [
      {
        ...named,
        score: 0.92,
        evidence: [{ kind: 'self_time', text: 'self time +1.6 s', ...figures, share: 0.9 }],
        exemplars: [traceId],
      },
    ],
    affected: [
      {
        ...named,
        operationId: 8,
        service: 'checkout',
        signal: 'latency',
        quantile: 0.95,
        ...figures,
        score: 30,
        sinceMs: BEGAN_MS,
      },
    ],
    exemplars: [traceId],
  };
}
