import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startSink, type Sink, type SinkRequest } from '../support/sink.js';
import { alertmanager, amtool, goWithWebhooks, itWith, pythonWithWebhooks, run, startAlertmanager } from './peers.js';

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('channels_interop');
  sink.requests.length = 0;
});
afterEach(() => delivery.close());

async function tell(incidentId: string, kind: 'opened' | 'resolved'): Promise<void> {
  await delivery.step(incidentId, kind);
  await delivery.alert.run(1);
  await delivery.notify.run(1);
}

/** What a webhook of ours sent, and its two secrets while one is being changed. */
async function sent(): Promise<{ request: SinkRequest; secrets: string[] }> {
  const { id, secret } = await delivery.channel('webhook', `${sink.url}/hook`);
  const rotated = await delivery.channels.change(1, id, { rotateSecret: true }, Date.now());
  await tell(randomUUID(), 'opened');
  return { request: sink.at('/hook')[0] as SinkRequest, secrets: [secret, rotated.signingSecret ?? ''] };
}

describe("the Standard Webhooks libraries' own verifiers", () => {
  const VERIFY = `
import json, sys
from standardwebhooks.webhooks import Webhook
request = json.load(sys.stdin)
Webhook(sys.argv[1]).verify(request["body"], request["headers"])
print("verified", end="")`;
  const verifiers = [
    ['Python', itWith({ pythonWithWebhooks }), () => ({ program: pythonWithWebhooks!, args: ['-c', VERIFY] })],
    ['Go', itWith({ goWithWebhooks }), () => ({ program: goWithWebhooks!, args: ['run', '.'] })],
  ] as const;
  for (const [name, itIf, verifier] of verifiers) {
    itIf(`${name}: takes what we sent with the old secret and the new one, and nothing that was changed`, async () => {
      const { request, secrets } = await sent();
      const { program, args } = verifier();
      const verify = (secret: string, body: string) =>
        spawnSync(program, [...args, secret], {
          cwd: 'test/interop/webhooks-go',
          input: JSON.stringify({ headers: request.headers, body }),
          encoding: 'utf8',
        }).stdout;
      for (const secret of secrets) expect(verify(secret, request.body)).toBe('verified');
      expect(verify(secrets[0] ?? '', `${request.body} `)).toBe('');
    });
  }
});

describe('a real Alertmanager', () => {
  const itWithAlertmanager = itWith({ alertmanager, amtool });

  const config = () => ({
    route: { receiver: 'sink', group_wait: '0s', group_interval: '1s', group_by: ['...'] },
    receivers: [{ name: 'sink', webhook_configs: [{ url: `${sink.url}/from-alertmanager` }] }],
  });

  itWithAlertmanager(
    'shows our alert to amtool while it fires, and not when it is over; its webhook is the one we send',
    async () => {
      const peer = await startAlertmanager(alertmanager!, config());
      try {
        await delivery.channel('alertmanager', peer.url, 1, { headers: {} });
        await delivery.channel('alertmanager_webhook', `${sink.url}/from-us`, 1, { headers: {} });
        const incidentId = randomUUID();
        // Alertmanager forgets what ended long ago: an incident of now.
        const shift = `update incident_events set snapshot = snapshot || jsonb_build_object('startedMs',
        (extract(epoch from now()) * 1000)::int8 - 60000, 'lastSeenMs', (extract(epoch from now()) * 1000)::int8,
        'resolvedMs', case when kind = 'resolved' then (extract(epoch from now()) * 1000)::int8 end)`;
        await delivery.step(incidentId, 'opened');
        await delivery.db.query(shift);
        await delivery.alert.run(1);
        await delivery.notify.run(1);
        const query = () =>
          run(amtool!, ['--alertmanager.url', peer.url, 'alert', 'query', '--output=json', 'service=cart']);
        const [shown] = JSON.parse(await query()) as { labels: object; annotations: object; status: object }[];
        expect(shown).toMatchObject({
          labels: { alertname: 'default', service: 'cart', operation: 'GetCart', incident: incidentId },
          annotations: { summary: expect.stringContaining('checkout / GetCart') },
          status: { state: 'active' },
        });
        const [theirs] = await sink.received('/from-alertmanager', 1);
        const keys = (body: string | undefined) => {
          const { alerts, ...rest } = JSON.parse(body ?? '{}') as { alerts: object[] };
          return [Object.keys(rest).sort(), Object.keys(alerts[0] ?? {}).sort()];
        };
        expect(keys(sink.at('/from-us')[0]?.body)).toEqual(keys(theirs?.body));

        await delivery.step(incidentId, 'resolved');
        await delivery.db.query(shift);
        await delivery.alert.run(1);
        await delivery.notify.run(1);
        expect(JSON.parse(await query())).toEqual([]);
        const [, end] = await sink.received('/from-alertmanager', 2);
        expect(JSON.parse(end?.body ?? '{}')).toMatchObject({ status: 'resolved' });
      } finally {
        await peer.stop();
      }
    },
  );
});
