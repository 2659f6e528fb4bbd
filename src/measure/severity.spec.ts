import { expect, it } from '@jest/globals';
import { severityOf } from './severity.js';

it.each([
  { number: 18, text: '', body: 'INFO fine', severity: 17 },
  { number: 24, text: 'whatever', body: '', severity: 21 },
  { number: 0, text: 'Warning', body: 'ERROR x', severity: 13 },
  { number: 99, text: '', body: '12:00 ERROR o.a.b broken', severity: 17 },
  { number: 0, text: '', body: 'level=error msg="no"', severity: 17 },
  { number: 0, text: '', body: '{"level":"warn","msg":"x"}', severity: 13 },
  { number: 0, text: '', body: 'an error in the middle of words', severity: 0 },
  { number: 0, text: '', body: '', severity: 0 },
])('$number $text $body is $severity', ({ number, text, body, severity }) => {
  expect(severityOf(number, text, body)).toBe(severity);
});
