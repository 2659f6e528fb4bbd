import { describe, expect, it } from '@jest/globals';
import { HOSTILE, incidentNotice, noticeAlert } from '../../test/support/notices.js';
import type { AlertStory } from '../model/alert-story.js';
import type { CorrelationsView } from '../model/correlation-view.js';
import type { IncidentView } from '../model/incident-view.js';
import { alertPage, incidentPage, nothingPage, tracePage } from './see-page.js';

const incident = (name?: string) => incidentNotice('opened', {}, name).incident as IncidentView & CorrelationsView;
const action = {
  atMs: Date.parse('2026-11-21T03:14:00Z'),
  kind: 'assigned',
  by: 'ann',
  subject: 'bob',
  comment: 'your turn',
  channelId: null,
  channelName: null,
} as const;
const row = (name: string) => ({
  depth: 40,
  service: name,
  name,
  startUs: 1_500,
  durationUs: 500,
  isError: true,
});
const story = (name?: string): AlertStory => {
  const { labels, annotations, figures, exemplars } = noticeAlert({}, name);
  const times = { activeAtMs: Date.parse('2026-11-21T03:11:40Z'), firedAtMs: null, endsAtMs: null };
  return {
    alert: {
      id: 'b54a7a60-8d4e-4e63-9be6-0c7d7f6f1a11',
      tenantId: 1,
      ruleId: null,
      incidentId: null,
      state: 'firing',
      labels: name === undefined ? labels : { ...labels, [name]: name },
      annotations,
      figures,
      exemplars,
      ...times,
      generatorUrl: null,
      sequence: 1,
    },
    transitions: [
      { sequence: 1, atMs: action.atMs, from: 'pending', to: 'firing', reason: name ?? 'above 500 ms for 2 min' },
    ],
    decisions: [],
  };
};
const TRACE = 'aa'.repeat(16);
const textOf = (html: string) =>
  html
    .replace(/<style>[^]*<\/style>/, '')
    .replace(/<[^>]*>/g, '\n')
    .replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));

describe('pages that links in messages open', () => {
  it('an incident: what, how bad, since when, why, who suffers, and who did what', () => {
    const html = incidentPage(incident(), [action], ['https://trace.example.com/see/1']);
    for (const said of [
      'checkout / PlaceOrder p95 1.9 s (normal 240 ms), cause: cart / GetCart',
      'severity critical, open',
      'began 2026-11-21 03:11:40 UTC',
      'cart / GetCart (92 % likely)',
      'self time +1.6 s',
      'cart version 2.4.1: 96 % of slow traces, 11 % of others',
      '2026-11-21 03:14:00 UTC ann assigned it to bob: your turn',
    ]) {
      expect(textOf(html)).toContain(said);
    }
    expect(html).toContain('<a href="https://trace.example.com/see/1">trace 1</a>');
    expect(incidentPage(incident(), [], [])).not.toContain('Traces that show it');
  });

  it('an alert: observed against expected, since when, and what became of it', () => {
    const html = alertPage(story(), ['https://trace.example.com/see/1']);
    for (const said of [
      'CheckoutSlow at checkout / PlaceOrder',
      'firing',
      'since 2026-11-21 03:11:40 UTC',
      '1.9 s (expected 500 ms)',
      'summary: checkout is slow',
      'team: shop',
      '2026-11-21 03:14:00 UTC firing: above 500 ms for 2 min',
    ]) {
      expect(textOf(html)).toContain(said);
    }
    expect(html).toContain('trace 1</a>');
    expect(textOf(alertPage({ ...story(), transitions: [] }, []))).not.toContain('What became of it');
  });

  it('a trace: each span with its time, and how many there are', () => {
    const text = textOf(tracePage(TRACE, [row('cart')], 3));
    expect(text).toContain('3 spans, 1 failed, 2 ms from first to last');
    expect(text).toContain('the first 1 are shown');
    expect(text).toContain('cart / cart, failed\n\n500 µs at 1.5 ms');
    expect(textOf(tracePage(TRACE, [row('cart')], 1))).toContain('1 span, ');
  });

  it.each(HOSTILE)('let no name of a sender act: %j', (name) => {
    for (const html of [
      incidentPage(incident(name), [{ ...action, by: name, comment: name }], []),
      tracePage(TRACE, [row(name)], 1),
      alertPage(story(name), []),
    ]) {
      expect(html).not.toMatch(/[\p{Cf}\p{Cs}]|[^\P{Cc}\n]/u);
      const tags = [...html.replace(/<style>[^]*<\/style>/, '').matchAll(/<[^>]*>/g)].map(([tag]) => tag);
      for (const tag of tags) {
        expect(tag).toMatch(
          /^<(!doctype html|\/?(html|head|body|main|title|style|h1|h2|ul|ol|li|p|div|span|svg|footer)( (lang|class)="[a-z0-9 ]+")?|meta [^<>]+|svg viewBox="0 0 1000 8" [a-z"= A-Z-]+|rect x="[\d.]+" width="[\d.]+" height="8"\/|\/svg)>$/,
        );
      }
    }
  });

  it.each(['expired', 'unknown', 'gone'] as const)('say why there is nothing to see: %s', (why) => {
    expect(textOf(nothingPage(why))).toMatch(/link|stored/);
  });
});
