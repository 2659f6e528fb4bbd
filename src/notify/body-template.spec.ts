import { describe, expect, it } from '@jest/globals';
import { HOSTILE, incidentNotice } from '../../test/support/notices.js';
import { renderTemplate, templateProblem } from './body-template.js';
import { composeMessage } from './message.js';

const message = (name?: string) =>
  composeMessage('id-1', incidentNotice('opened', {}, name), 'https://trace.example.com');

describe('templateProblem', () => {
  it.each([
    ['{"a": "{{title}}"}', null],
    ['["{{ links.more }}", 1, null]', null],
    ['"{{causes}}"', null],
    ['{"a": {{title}}}', /must be JSON/],
    ['title', /must be JSON/],
    ['{"a": "{{secret}}"}', /\{\{secret\}\} is unknown; there are id, type/],
    ['{"a": "{{constructor.name}}"}', /unknown/],
    [`${'['.repeat(12)}${']'.repeat(12)}`, /nested/],
  ])('%s', (template, problem) => {
    if (problem === null) expect(templateProblem(template)).toBeNull();
    else expect(templateProblem(template)).toMatch(problem);
  });
});

describe('renderTemplate', () => {
  it('puts values where placeholders stand: whole ones as they are, others as text', () => {
    const template =
      '{"one": "{{severity}}", "all": "{{causes}}", "in": "by {{ groupKey }}: {{facts}}", "none": "{{links.runbook}}"}';
    expect(JSON.parse(renderTemplate(template, message()))).toEqual({
      one: 'critical',
      all: [{ name: 'cart / GetCart', percent: 92, evidence: ['self time +1.6 s'] }],
      in: `by ${message().groupKey}: ["severity critical","began 2026-11-21 03:11:40 UTC"]`,
      none: null,
    });
  });

  it.each(['{{links.__proto__}}', '{{links.constructor}}', '{{title.length}}', '{{causes.0.nothing}}'])(
    'knows no more than the message holds: %s',
    (text) => {
      expect(JSON.parse(renderTemplate(JSON.stringify({ x: text }), message()))).toEqual({ x: null });
    },
  );

  it.each(HOSTILE)('no value changes the form of the body: %j', (name) => {
    const body = JSON.parse(renderTemplate('{"text": "> {{title}}", "fixed": true}', message(name))) as object;
    expect(Object.keys(body)).toEqual(['text', 'fixed']);
  });
});
