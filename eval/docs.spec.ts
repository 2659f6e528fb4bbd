import { describe, expect, it } from '@jest/globals';
import { score } from '../tools/recorded/score.js';
import { panelsOf, sectionText, withSection } from './docs.js';
import type { DatasetResult } from './evaluate.js';

const MINUTE = 60_000;

/** Faults of two types: ranks with the window given, and whether the stream told the true service first. */
function result(dataset: string, faults: { type: string; rank: number | null; told: boolean }[]): DatasetResult {
  const labelled = faults.map(({ type }, i) => ({
    service: `s${i}`,
    type,
    startMs: i * 10 * MINUTE,
    endMs: i * 10 * MINUTE + 3 * MINUTE,
    judged: true,
  }));
  const alarms = faults.flatMap(({ told }, i) =>
    told
      ? [
          {
            incidentId: `i${i}`,
            kind: 'opened' as const,
            atMs: i * 10 * MINUTE + 20_000,
            toldServices: [`s${i}`],
            toldFirst: { service: `s${i}`, operation: 'o' },
            toldScore: 0.9,
            laterServices: [`s${i}`],
            finalServices: [`s${i}`],
          },
        ]
      : [],
  );
  return {
    dataset,
    spans: 1,
    operations: 1,
    services: 20,
    hours: 1,
    given: faults.map(({ rank }, i) => ({
      fault: labelled[i]!,
      judged: true,
      rank,
      first: rank === null ? null : { service: rank === 1 ? `s${i}` : 'other', operation: 'o', score: 0.75 },
    })),
    rivals: [{ name: 'a | rival', ranks: faults.map(() => 2) }],
    stream: score(labelled, alarms, [0]),
  };
}
const boutique = result('online-boutique_2022-08-22', [
  { type: 'cpu', rank: 1, told: true },
  { type: 'cpu', rank: 3, told: false },
]);
const ticket = result('train-ticket_2023-01-29', [{ type: 'return', rank: null, told: false }]);
const ticketWithLogs = result('train-ticket_2023-01-29 with logs', [{ type: 'return', rank: 1, told: true }]);
const text = sectionText([boutique, ticket, ticketWithLogs], []);

describe('sectionText', () => {
  it('holds ours beside rivals, chance and what was published', () => {
    expect(text).toContain('| **Tracehound** | 50 % (9-91) | 100 % (34-100) | 100 % (34-100) | 2.0 |');
    expect(text).toContain('| a \\| rival, re-implemented | 0 % (0-66) | 100 % (34-100) |');
    expect(text).toContain('| chance, expected | 5 % | 15 % | 25 % | 10.5 |');
    expect(text).toContain('as published on all 56 faults | 92.9 % | 96.4 % | 96.4 % |');
  });

  it('keeps the stream apart, and counts what was not noticed as not found', () => {
    expect(text).toContain(
      '| online-boutique_2022-08-22 | 1 of 2, 50 % (9-91) | 20 s, 20 s | 10 s, 10 s | 50 % (9-91) |',
    );
    expect(text).toContain('| online-boutique_2022-08-22 | cpu | 2 | 50 / 100 | 50 / 50 | 1 |');
  });

  it('shows results through the service in a row of their own', () => {
    const live = { dataset: 'shop', services: 20, score: boutique.stream, incidents: 1, webhooks: null };
    expect(sectionText([boutique], [live])).toContain('| shop, through the service to the webhook | 1 of 2,');
  });

  it('sorts first causes by score, a system once', () => {
    // Two of the boutique and one of the tickets with logs; the tickets without named nobody anyway.
    expect(text).toContain('| 0.7 to 0.8 | 3 | 75 % | 67 % (21-94) |');
  });

  it('does not fit on the same system with other signals', () => {
    const rows = text.split('\n').filter((line) => /^\| train-ticket.*, .*, .*\|$/.test(line));
    expect(rows.some((line) => line.startsWith('| train-ticket_2023-01-29 with logs | 1 |'))).toBe(true);
    expect(sectionText([ticket, ticketWithLogs], [])).toContain('There is one system only.');
  });

  it('names what is missed', () => {
    expect(text).toContain('_online-boutique_2022-08-22_: no. 2 s1 cpu (3). Not noticed: no. 2.');
    expect(text).toContain('_train-ticket_2023-01-29 with logs_: none. Not noticed: none.');
  });
});

describe('withSection', () => {
  const begin = '<!-- eval:begin (written by npm run eval -- --docs, not by hand) -->';
  it('replaces what stands between the markers, as often as wanted', () => {
    const once = withSection(`a\n\n${begin}\nold\n<!-- eval:end -->\n\nb\n`, 'new');
    expect(once).toBe(`a\n\n${begin}\n\nnew\n\n<!-- eval:end -->\n\nb\n`);
    expect(withSection(once, 'new')).toBe(once);
  });

  it('refuses a document without them', () => {
    expect(() => withSection('a', 'new')).toThrow('eval:begin');
  });
});

describe('panelsOf', () => {
  it('has a panel a data set: window given, stream, rivals, papers', () => {
    const [panel] = panelsOf([boutique]);
    expect(panel!.title).toBe('online-boutique_2022-08-22, 2 faults, window given');
    expect(panel!.rows.slice(0, 3).map(({ name, first, kind }) => [name, first, kind])).toEqual([
      ['Tracehound', 50, 'ours'],
      ['Tracehound, as a stream', 50, 'ours'],
      ['a | rival', 0, 'rival'],
    ]);
    expect(panel!.rows.at(-1)).toMatchObject({ kind: 'published', first: 92.9, interval: null });
  });
});
