import { describe, expect, it } from '@jest/globals';
import { standing, type IncidentAction, type IncidentActionKind } from './incident-action.js';

function action(kind: IncidentActionKind, atMs: number, by = 'ann', subject: string | null = null): IncidentAction {
  return { kind, atMs, by, subject, comment: '', channelId: null, channelName: null };
}

describe('standing', () => {
  const nobody = { acknowledged: null, assignee: null };
  it.each([
    ['nothing was done', [], nobody],
    ['a comment is no acknowledgement', [action('commented', 1)], nobody],
    ['acknowledged', [action('acknowledged', 1)], { acknowledged: { by: 'ann', atMs: 1 }, assignee: null }],
    [
      'the last who acknowledged counts',
      [action('acknowledged', 1), action('acknowledged', 2, 'bob')],
      { acknowledged: { by: 'bob', atMs: 2 }, assignee: null },
    ],
    ['withdrawn', [action('acknowledged', 1), action('acknowledgement_withdrawn', 2, 'bob')], nobody],
    ['assigned', [action('assigned', 1, 'ann', 'bob')], { acknowledged: null, assignee: 'bob' }],
    ['taken from', [action('assigned', 1, 'ann', 'bob'), action('assigned', 2, 'ann', null)], nobody],
  ])('%s', (_name, actions, expected) => {
    expect(standing(actions)).toEqual(expected);
  });
});
