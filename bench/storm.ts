// npm run bench:storm -- [--incidents 200] [--anomalies 10000] [--rules 500]: a storm of anomalies, decided, routed and sent, with PostgreSQL; then as
// many alerts from outside in one group.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { checkedRule } from '../src/alert/rules-contract.js';
import { AlertWorker } from '../src/alert/alert.worker.js';
import type { Incident } from '../src/model/incident.js';
import { ActionLinks } from '../src/access/action-links.js';
import { ReadLinks } from '../src/access/read-links.js';
import { Egress } from '../src/notify/egress.js';
import { NotifyWorker } from '../src/notify/notify.worker.js';
import { Senders } from '../src/notify/senders.js';
import { Surroundings } from '../src/notify/surroundings.js';
import { RouteWorker } from '../src/route/route.worker.js';
import { AlertStore } from '../src/store/alert.store.js';
import { AnomalyStore } from '../src/store/anomaly.store.js';
import { ChannelHealthStore } from '../src/store/channel-health.store.js';
import { ChartStore } from '../src/store/chart.store.js';
import { ChannelStore } from '../src/store/channel.store.js';
import { ChannelThreadStore } from '../src/store/channel-thread.store.js';
import { CorrelationStore } from '../src/store/correlation.store.js';
import { createDataSource } from '../src/store/data-source.js';
import { DecisionStore } from '../src/store/decision.store.js';
import { DigestStore } from '../src/store/digest.store.js';
import { IncidentStore } from '../src/store/incident.store.js';
import { MessageContextStore } from '../src/store/message-context.store.js';
import { NotificationStore } from '../src/store/notification.store.js';
import { OutsideAlertStore } from '../src/store/outside-alert.store.js';
import { RecurrenceStore } from '../src/store/recurrence.store.js';
import { RouteStore } from '../src/store/route.store.js';
import { RoutingStore } from '../src/store/routing.store.js';
import { RuleStore } from '../src/store/rule.store.js';
import { SecretBox } from '../src/store/secret-box.js';
import { VersionStore } from '../src/store/version.store.js';

const { values: options } = parseArgs({
  options: {
    incidents: { type: 'string', default: '200' },
    anomalies: { type: 'string', default: '10000' },
    rules: { type: 'string', default: '500' },
  },
});
const [incidents, anomalies, rules] = [options.incidents, options.anomalies, options.rules].map(Number) as [
  number,
  number,
  number,
];
if (!(incidents >= 1 && anomalies >= incidents && rules >= 1))
  throw new Error('numbers from 1 on, anomalies >= incidents');
const TENANT = 1;
const SERVICES = 20;

const taken: { path: string; body: string }[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    taken.push({ path: request.url ?? '', body });
    response.end('ok');
  });
});
await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

const db = await createDataSource(process.env['DATABASE_URL'] ?? '', 8).initialize();
await db.runMigrations();
const box = new SecretBox('a5'.repeat(32), []);
const bell = { ring: async () => undefined };
const publicUrl = 'http://bench.test';
const [ruleStore, alerts, channels] = [new RuleStore(db), new AlertStore(db), new ChannelStore(db, box)];
const incidentStore = new IncidentStore(db);
const decisions = new DecisionStore(
  db,
  ruleStore,
  new CorrelationStore(db),
  alerts,
  new AnomalyStore(db),
  new VersionStore(db),
  incidentStore,
);
const outside = new OutsideAlertStore(db, alerts);
const alertWorker = new AlertWorker(decisions, bell, { publicUrl });
const routeWorker = new RouteWorker(
  new RouteStore(db, new RoutingStore(db), channels, outside, new RecurrenceStore(db)),
  bell,
);
const egress = new Egress(['127.0.0.0/8'], 15_000);
const notify = new NotifyWorker(
  new NotificationStore(db),
  channels,
  new ChannelHealthStore(db),
  new ChannelThreadStore(db),
  new DigestStore(db),
  new Senders(egress, publicUrl),
  new Surroundings(
    new ChartStore(db),
    new MessageContextStore(db),
    new ActionLinks(box, { publicUrl, publicUrlIsSet: false }),
    new ReadLinks(box, { publicUrl, publicUrlIsSet: false }),
  ),
  { publicUrl },
);

for (const type of ['alertmanager_webhook', 'slack'] as const) {
  await channels.create(TENANT, { name: type, type, enabled: true, url: { full: `${url}/${type}`, shown: type } });
}
for (const { id } of await ruleStore.list(TENANT)) await ruleStore.delete(TENANT, id);
for (let i = 0; i < rules; i++) {
  await ruleStore.create(
    TENANT,
    checkedRule({ name: `rule ${i}`, services: [`s${i % SERVICES}-*`], minSeverity: 'info' }),
  );
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${what}: ${((performance.now() - wall) / 1_000).toFixed(2)} s, CPU of this process ${((user + system) / 1e6).toFixed(2)} s`,
  );
}
const count = async (sql: string): Promise<number> =>
  Number((await db.query<{ n: string }[]>(`select count(*) as n from ${sql}`))[0]!.n);

async function step(all: readonly Incident[], kind: 'opened' | 'resolved'): Promise<void> {
  await db.transaction(async (tx) => {
    for (const incident of all) {
      await incidentStore.save(tx, incident);
      await incidentStore.addEvent(tx, incident, kind, Date.now(), 'storm');
    }
    await tx.query(`update incident_events set created_at = now() - interval '1 minute' where decided_at is null`);
  });
}

async function tell(): Promise<void> {
  const before = taken.length;
  await timed(`  decided on ${rules} rules`, () => alertWorker.run(TENANT));
  await timed('  routed', () => routeWorker.run(TENANT));
  const waiting = await count(`notifications where state = 'pending'`);
  await timed('  sent as far as rates allow', () => notify.run(TENANT));
  const left = await count(`notifications where state = 'pending'`);
  console.log(`  ${waiting} messages, ${taken.length - before} requests, ${left} wait for their channel's rate`);
}

const storm = Array.from({ length: incidents }, (_, i) => incidentOf(i, Math.round(anomalies / incidents)));
console.log(`${anomalies} anomalies in ${incidents} incidents open:`);
await step(storm, 'opened');
await tell();
console.log('they end:');
await step(
  storm.map((incident) => ({ ...incident, state: 'resolved' as const, resolvedMs: Date.now() })),
  'resolved',
);
await tell();
const order = new Map<string, string[]>();
for (const { path, body } of taken.filter((each) => each.path === '/alertmanager_webhook')) {
  const { status, groupKey } = JSON.parse(body) as { status: string; groupKey: string };
  order.set(`${path} ${groupKey}`, [...(order.get(`${path} ${groupKey}`) ?? []), status]);
}
const wrong = [...order.values()].filter((told) => told.join() !== 'firing,resolved' && told.join() !== 'firing');
console.log(`order: ${order.size} groups told, ${wrong.length} not in order`);

console.log(`${anomalies} alerts from outside in one group:`);
const nowMs = Date.now();
const sent = Array.from({ length: anomalies }, (_, i) => ({
  labels: { alertname: 'Storm', instance: `i${i}`, service: `s${i % SERVICES}` },
  annotations: { summary: `instance ${i} is down` },
  startsAtMs: nowMs - 60_000,
  endsAtMs: nowMs + 3_600_000,
  endsByTimeout: false,
  generatorUrl: null,
}));
await timed('  received', () => outside.receive(TENANT, sent, nowMs));
await tell();
await egress.close();
receiver.close();
await db.destroy();

function incidentOf(i: number, series: number): Incident {
  const named = { operationId: 1 + i, service: `s${i % SERVICES}-x`, operation: `op ${i}` };
  const figures = { observed: 900_000, expected: 100_000, unit: 'us' as const, n: 50 };
  const affected = Array.from({ length: series }, (_, k) => ({
    ...named,
    ...figures,
    operation: `op ${i}.${k}`,
    signal: 'latency' as const,
    quantile: 0.95,
    score: 9 + (k % 20),
    sinceMs: Date.now(),
  }));
  const at = Date.now();
  return {
    id: randomUUID(),
    tenantId: TENANT,
    state: 'open',
    severity: 'critical',
    startedMs: at - 30_000,
    openedMs: at,
    lastSeenMs: at,
    resolvedMs: null,
    quietWindows: 0,
    flaps: 0,
    causes: [
      {
        ...named,
        score: 0.9,
        evidence: [{ kind: 'self_time', text: 'self time +0.8 s', ...figures, share: 0.9 }],
        exemplars: [],
      },
    ],
    affected,
    exemplars: [],
  };
}
