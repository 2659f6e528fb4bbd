import { describe, expect, it } from '@jest/globals';
import { EmbedBuilder } from '@discordjs/builders';
import type { EventPayloadV2 } from '@pagerduty/pdjs/build/src/events.js';
import { AdaptiveCard, SerializationContext } from 'adaptivecards';
import { alertNotice, HOSTILE, incidentNotice, noticeAlert } from '../../test/support/notices.js';
import type { Notice } from '../model/notice.js';
import { alertmanagerWebhook, postableAlerts } from './alertmanager-payload.js';
import { discordPayload } from './discord-payload.js';
import { email } from './email-payload.js';
import { googleChatPayload } from './google-chat-payload.js';
import { composeMessage, type Message } from './message.js';
import { opsgenieRequest } from './opsgenie-payload.js';
import { pagerDutyEvent } from './pagerduty-payload.js';
import { slackPayload } from './slack-payload.js';
import { teamsPayload } from './teams-payload.js';

const compose = (notice: Notice, overSince: string | null = null) =>
  composeMessage('5f3b54a7-8d4e-8e63-9be6-0c7d7f6f1a11', notice, 'https://trace.example.com', overSince);
/** As long as signed links are. */
const signed = (action: string) => `https://trace.example.com/act/${action}.${'x'.repeat(400)}`;
const actions = { acknowledge: signed('ack'), silence: signed('mute'), feedback: signed('word') };
const opened = compose(incidentNotice('opened', { links: actions }));
const resolved = compose(incidentNotice('resolved'));
const firing = compose(alertNotice([noticeAlert()], { links: actions }));
const test = compose({ type: 'channel.test', timestamp: '2026-11-21T03:12:00.000Z', reason: 'r', incident: null });

const TOLD: readonly (readonly [string, Message])[] = [
  ['an incident that opens', opened],
  ['an incident that is resolved', resolved],
  ['alerts', firing],
  ['a test', test],
];
/** Addresses of senders as long as are taken. */
const LONG_LINKS = {
  generatorUrl: `https://trace.example.com/${'x'.repeat(1_950)}`,
  annotations: { runbook_url: `https://runbooks.example.com/${'x'.repeat(1_950)}` },
};
const versionsOf = (name: string) =>
  Array.from({ length: 5 }, () => ({ service: name, key: name, value: name, since: '2026-11-21T03:05:10.000Z' }));
const hostile = (name: string): Message[] => [
  compose(incidentNotice('opened', { links: actions, versions: versionsOf(name) }, name)),
  compose(incidentNotice('resolved', {}, name)),
  compose(
    alertNotice(
      Array.from({ length: 30 }, () => noticeAlert({}, name)),
      { truncatedAlerts: 7, versions: versionsOf(name), callers: [{ service: name, operation: name, calls: 12 }] },
    ),
  ),
  compose(alertNotice([noticeAlert(LONG_LINKS, name)], { links: actions, versions: versionsOf(name) })),
  compose({
    type: 'channel.failing',
    timestamp: '2026-11-21T03:12:00.000Z',
    reason: name,
    incident: null,
    statement: { title: name, lines: Array.from({ length: 200 }, () => name), path: null },
  }),
];
/** All that may be read in a payload, however deep. */
function strings(part: unknown): string[] {
  if (typeof part === 'string') return [part];
  return part !== null && typeof part === 'object' ? Object.values(part).flatMap(strings) : [];
}
const bytes = (payload: unknown) => Buffer.byteLength(JSON.stringify(payload));
/** What each message has to say, wherever the channel puts it. */
const SAYS = [
  'p95 1.9 s (normal 240 ms)',
  'cart / GetCart (92 % likely)',
  'self time +1.6 s',
  'version 2.4.1',
  'checkout / PlaceOrder',
];
const said = (payload: unknown) => strings(payload).join('\n').replaceAll('＠', '@');

describe('every channel', () => {
  const forms: readonly (readonly [string, (message: Message) => unknown])[] = [
    ['Slack', slackPayload],
    ['Discord', (message) => discordPayload(message, null)],
    ['Teams', teamsPayload],
    ['Google Chat', googleChatPayload],
    ['PagerDuty', (message) => pagerDutyEvent(message, 'key')],
    ['Opsgenie', opsgenieRequest],
    ['mail', (message) => email(message, 'example.com', true)],
  ];
  it.each(forms)('%s: says what, how bad, since when, who is to blame, who suffers, and where to go', (_name, form) => {
    const text = said(form(opened));
    for (const each of [...SAYS, '03:11:40 UTC', 'critical']) expect(text).toContain(each);
    expect(text).toContain(`https://trace.example.com/api/v1/traces/${'aa'.repeat(16)}`);
    for (const url of Object.values(actions)) expect(text).toContain(url);
    expect(said(form(firing))).toContain('1.9 s (expected 500 ms)');
  });

  it.each(forms)('%s: says that it comes too late', (_name, form) => {
    const late = compose(incidentNotice(), '2026-11-21T03:30:00.000Z');
    expect(late).toMatchObject({ isStale: true, title: expect.stringMatching(/^Over by now: Opened/) });
    expect(said(form(late))).toContain('Over by now');
    expect(compose(incidentNotice('resolved'), '2026-11-21T03:30:00.000Z').isStale).toBe(false);
  });

  it.each(forms)('%s: shows no unseen or direction-changing characters', (_name, form) => {
    for (const name of HOSTILE) {
      for (const message of hostile(name)) {
        for (const text of strings(form(message))) expect(text).not.toMatch(/[\p{Cf}\p{Cs}]|[^\P{Cc}\n]/u);
      }
    }
  });
});

describe('Slack', () => {
  it.each(HOSTILE)('stays within the limits of Block Kit, and knows no markup of senders: %j', (name) => {
    for (const message of hostile(name)) {
      const { text, blocks } = slackPayload(message);
      expect(blocks.length).toBeLessThanOrEqual(50);
      expect([...text].length).toBeLessThanOrEqual(3_000);
      for (const block of blocks) {
        const objects = block.type === 'context' ? block.elements : [block.text];
        expect(objects.length).toBeLessThanOrEqual(10);
        for (const object of objects) {
          expect(object.text.length).toBeGreaterThan(0);
          expect(object.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3_000);
          if (object.type === 'plain_text') expect(object.text).not.toMatch(/[<>]/);
          else
            expect(outsideCode(object.text)).not.toMatch(
              /[*_~]\w|:\w+:|<(?!https:\/\/(trace|runbooks)\.example\.com\/)/,
            );
        }
      }
    }
  });
  const outsideCode = (markup: string) =>
    markup.replace(/`[^`]*`/g, '').replace(/\*(Cause|Or|In common|Affected|Alerts)\*/g, '');

  it('has all links of a message, short of those of senders that are too long', () => {
    const links = JSON.stringify(slackPayload(compose(alertNotice([noticeAlert(LONG_LINKS)], { links: actions }))));
    for (const url of Object.values(actions)) expect(links).toContain(url);
  });
});

describe('Discord', () => {
  it.each(TOLD)('%s: is an embed as the builders of discord.js take it', (_name, message) => {
    const { embeds } = discordPayload(message, 'chart.png');
    expect(() => new EmbedBuilder(embeds[0] as never).toJSON()).not.toThrow();
    expect(embeds[0].image).toEqual({ url: 'attachment://chart.png' });
  });

  it.each(HOSTILE)('stays within the limits, pings nobody and links nowhere else: %j', (name) => {
    for (const message of hostile(name)) {
      const payload = discordPayload(message, null);
      const [embed] = payload.embeds;
      expect(payload.allowed_mentions).toEqual({ parse: [] });
      expect([...payload.content].length).toBeLessThanOrEqual(2_000);
      expect([...embed.title].length).toBeLessThanOrEqual(256);
      expect(embed.fields.length).toBeLessThanOrEqual(25);
      for (const field of embed.fields) {
        expect(field.value.length).toBeGreaterThan(0);
        expect(field.value.length).toBeLessThanOrEqual(1_024);
      }
      expect((embed.description ?? '').length).toBeLessThanOrEqual(4_096);
      const all =
        embed.title.length +
        (embed.description ?? '').length +
        embed.fields.reduce((sum, each) => sum + each.name.length + each.value.length, 0);
      expect(all).toBeLessThanOrEqual(6_000);
      expect(() => new EmbedBuilder(embed as never).toJSON()).not.toThrow();
      const outside = [
        payload.content,
        embed.title,
        embed.description ?? '',
        ...embed.fields.map(({ value }) => value.replace(/`[^`]*`/g, '')),
      ];
      for (const text of outside) {
        const ours = text.replace(/\[[a-z0-9 ]+\]\(https:\/\/(trace|runbooks)\.example\.com\/[^)\s]*\)/g, '');
        expect(ours).not.toMatch(/@(everyone|here)|<[@#!:a-z]|https?:\/\/|[[\]`*~|]/);
      }
    }
  });
});

describe('Teams', () => {
  const problems = (message: Message) => {
    const [attachment] = teamsPayload(message).attachments;
    const card = new AdaptiveCard();
    const context = new SerializationContext();
    card.parse(attachment.content, context);
    return [
      ...Array.from({ length: context.eventCount }, (_each, index) => context.getEventAt(index).message),
      ...card.validateProperties().validationEvents.map((event) => event.message),
    ];
  };
  it.each(TOLD)('%s: is a card that the Adaptive Cards library finds nothing wrong with', (_name, message) => {
    expect(problems(message)).toEqual([]);
    expect(teamsPayload(message)).toMatchObject({
      type: 'message',
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive' }],
    });
  });

  it.each(HOSTILE)('stays below 28 KB, reads no markup, no template and no mention: %j', (name) => {
    for (const message of hostile(name)) {
      const payload = teamsPayload(message);
      expect(bytes(payload)).toBeLessThan(28_000);
      expect(problems(message)).toEqual([]);
      const { content } = payload.attachments[0];
      expect(content).not.toHaveProperty('msteams.entities');
      // A TextBlock would read Markdown.
      expect(JSON.stringify(content)).not.toContain('"TextBlock"');
      const texts = content.body.filter(({ type }) => type === 'RichTextBlock');
      expect(JSON.stringify([texts, content.fallbackText])).not.toMatch(/\{\{|\$\{|https?:\/\//);
    }
  });
});

describe('Google Chat', () => {
  it.each(HOSTILE)('escapes HTML in cards and mentions nobody: %j', (name) => {
    for (const message of hostile(name)) {
      const payload = googleChatPayload(message);
      expect(bytes(payload)).toBeLessThan(32_000);
      const [{ card }] = payload.cardsV2;
      for (const text of [payload.fallbackText, card.header.title, card.header.subtitle])
        expect(text).not.toMatch(/[<>*`~]/);
      for (const widget of card.sections.flatMap((section) => section.widgets)) {
        const html = widget.textParagraph?.text.replaceAll('<br>', '') ?? '';
        expect(html).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)|https?:\/\//);
      }
    }
  });

  it('keeps a group in one thread', () => {
    expect(googleChatPayload(opened).thread).toEqual(googleChatPayload(resolved).thread);
  });
});

describe('PagerDuty', () => {
  it.each(TOLD)('%s: is an event as the types of its own client have it', (_name, message) => {
    const event = pagerDutyEvent(message, 'key');
    if (event.event_action !== 'trigger') return expect(Object.keys(event)).toHaveLength(3);
    // The compiler refuses a field of another type, and fields that the client does not know.
    const known: Required<Pick<EventPayloadV2, 'payload' | 'links' | 'dedup_key'>> = {
      payload: event.payload satisfies EventPayloadV2['payload'],
      links: event.links,
      dedup_key: event.dedup_key,
    };
    for (const { href } of known.links) expect(URL.canParse(href ?? '')).toBe(true);
  });

  it('triggers and resolves under one key', () => {
    expect(pagerDutyEvent(opened, 'key')).toMatchObject({
      routing_key: 'key',
      event_action: 'trigger',
      payload: { severity: 'critical', source: 'Tracehound', timestamp: '2026-11-21T03:12:00.000Z' },
    });
    expect(pagerDutyEvent(resolved, 'key')).toEqual({
      routing_key: 'key',
      event_action: 'resolve',
      dedup_key: pagerDutyEvent(opened, 'key').dedup_key,
    });
  });

  it('pages nobody for a test, nor for what is over', () => {
    expect(pagerDutyEvent(test, 'key')).toMatchObject({ event_action: 'trigger', payload: { severity: 'info' } });
    const late = compose(incidentNotice(), '2026-11-21T03:30:00.000Z');
    expect(pagerDutyEvent(late, 'key')).toMatchObject({ event_action: 'trigger', payload: { severity: 'info' } });
  });

  it.each(HOSTILE)('stays within the documented limits: %j', (name) => {
    for (const message of hostile(name)) {
      const event = pagerDutyEvent({ ...message, groupKey: name.repeat(3) || 'k' }, 'key');
      expect(event.dedup_key.length).toBeLessThanOrEqual(255);
      expect(bytes(event)).toBeLessThan(512_000);
      if (event.event_action !== 'trigger') continue;
      expect([...event.payload.summary].length).toBeLessThanOrEqual(1_024);
      expect(['critical', 'error', 'warning', 'info']).toContain(event.payload.severity);
    }
  });

  it('tells long keys apart', () => {
    const key = (text: string) => pagerDutyEvent({ ...opened, groupKey: text }, 'key').dedup_key;
    expect(key(`${'x'.repeat(300)}1`)).not.toBe(key(`${'x'.repeat(300)}2`));
  });
});

describe('Opsgenie', () => {
  it('creates and closes under one alias', () => {
    const created = opsgenieRequest(opened);
    const alias = 'alias' in created.body ? created.body.alias : '';
    expect(created).toMatchObject({ path: '/v2/alerts', body: { priority: 'P1', source: 'Tracehound' } });
    expect(opsgenieRequest(resolved).path).toBe(`/v2/alerts/${encodeURIComponent(alias)}/close?identifierType=alias`);
  });

  it.each(HOSTILE)('stays within the limits: %j', (name) => {
    for (const message of hostile(name)) {
      const { body } = opsgenieRequest(message);
      if (!('message' in body)) continue;
      expect([...body.message].length).toBeLessThanOrEqual(130);
      expect(body.description.length).toBeLessThanOrEqual(15_000);
      expect(body.description).not.toMatch(/[<>]/);
    }
  });
});

describe('mail', () => {
  it('stands in a thread of its group, and says that a program wrote it', () => {
    const [first, last] = [email(opened, 'example.com', false), email(resolved, 'example.com', false)];
    expect(first.references).toBe(last.references);
    expect(first.references).toMatch(/^<[0-9a-f]{16}\.group@example\.com>$/);
    expect(first.messageId).toBe('<5f3b54a7-8d4e-8e63-9be6-0c7d7f6f1a11@example.com>');
    expect(first.headers).toMatchObject({ 'Auto-Submitted': 'auto-generated' });
  });

  it.each(HOSTILE)('has no header, tag or link of a sender of spans: %j', (name) => {
    for (const message of hostile(name)) {
      const { subject, html, text, headers, messageId, references } = email(message, 'example.com', true);
      for (const header of [subject, messageId, references, ...Object.values(headers)])
        expect(header).not.toMatch(/[\r\n]/);
      expect([...subject].length).toBeLessThanOrEqual(150);
      const tags = [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
      for (const tag of tags) {
        expect(tag).toMatch(
          /^<(!doctype html|\/?(html( lang="en")?|body|h2|h3|p|ul|li|a)( style="[^"]*")?|img src="cid:chart@tracehound" alt="Chart: observed and normal" width="600"|a href="https:\/\/(trace|runbooks)\.example\.com\/[^"]*")>$/,
        );
      }
      expect(text.replace(/^[a-z0-9 ]+: https:\/\/(trace|runbooks)\.example\.com\/\S*$/gm, '')).not.toMatch(
        /https?:\/\//,
      );
    }
  });
});

describe('Alertmanager', () => {
  const nowMs = Date.parse('2026-11-21T03:12:10Z');
  it('fires until it is not sent again, and ends when it ended', () => {
    expect(postableAlerts(opened, nowMs)).toEqual([
      expect.objectContaining({
        labels: expect.objectContaining({ alertname: 'TracehoundIncident', severity: 'critical', service: 'cart' }),
        startsAt: '2026-11-21T03:11:40.000Z',
        endsAt: '2026-11-21T03:16:10.000Z',
      }),
    ]);
    expect(postableAlerts(resolved, Date.parse('2026-11-21T04:00:00Z'))[0]).toMatchObject({
      startsAt: '2026-11-21T03:11:40.000Z',
      endsAt: '2026-11-21T03:26:40.000Z',
    });
    expect(postableAlerts(opened, nowMs)[0]?.labels).toEqual(postableAlerts(resolved, nowMs)[0]?.labels);
  });

  it.each(HOSTILE)('has label names of every version, and no empty value: %j', (name) => {
    const odd = noticeAlert({ labels: { [name]: name, '0x': 'y', 'a-b.c': 'd', empty: '' } });
    for (const alert of [...hostile(name), compose(alertNotice([odd]))].flatMap((each) =>
      postableAlerts(each, nowMs),
    )) {
      for (const [label, value] of [...Object.entries(alert.labels), ...Object.entries(alert.annotations)]) {
        expect(label).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
        expect(value).not.toBe('');
      }
      expect(Date.parse(alert.endsAt)).toBeGreaterThan(Date.parse(alert.startsAt));
    }
  });

  it('is the webhook of version 4, field by field', () => {
    expect(alertmanagerWebhook(firing, 'ops', 'https://trace.example.com')).toEqual({
      version: '4',
      groupKey: '{}:{alertname="CheckoutSlow"}',
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'default',
      groupLabels: { alertname: 'CheckoutSlow' },
      commonLabels: noticeAlert().labels,
      commonAnnotations: noticeAlert().annotations,
      externalURL: 'https://trace.example.com',
      alerts: [
        {
          status: 'firing',
          labels: noticeAlert().labels,
          annotations: noticeAlert().annotations,
          startsAt: '2026-11-21T03:11:40.000Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: 'https://trace.example.com/api/v1/alerts',
          fingerprint: 'f00dfeedcafe0001',
        },
      ],
    });
    expect(alertmanagerWebhook(resolved, 'ops', 'x')).toMatchObject({
      status: 'resolved',
      alerts: [{ status: 'resolved', endsAt: '2026-11-21T03:26:40.000Z', fingerprint: '0b54a7a68d4e4e63' }],
    });
  });
});
