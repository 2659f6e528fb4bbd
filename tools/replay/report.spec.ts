import { describe, expect, it } from '@jest/globals';
import { reportText } from './report.js';
import { score } from '../recorded/score.js';
import type { Alarm } from '../recorded/score.js';

const T0 = Date.UTC(2022, 7, 22, 3, 53, 54);
const MINUTE = 60_000;
const fault = (service: string, startMs: number, judged = true) => ({
  service,
  type: 'return',
  startMs,
  endMs: startMs + 180_000,
  judged,
});
const alarm = (atMs: number, service: string, kind: Alarm['kind'] = 'opened'): Alarm => ({
  incidentId: 'i',
  kind,
  atMs,
  toldServices: ['web', service],
  toldFirst: { service: 'web', operation: 'GET\u001b[31m /' },
  toldScore: null,
  laterServices: null,
  finalServices: [service],
});

describe('reportText', () => {
  it('has a line for every fault and for every false alarm', () => {
    const faults = [fault('cart', T0), fault('pay', T0 + 10 * MINUTE), fault('ad', T0 + 20 * MINUTE, false)];
    const alarms = [alarm(T0 + 26_000, 'cart', 'reopened'), alarm(T0 + 30 * MINUTE, 'web')];
    const windows = Array.from({ length: 432 }, (_, at) => T0 + at * 10_000);
    expect(reportText(score(faults, alarms, windows)).split('\n')).toEqual([
      'fault began (UTC)    service  type    noticed after   first cause, as told  rank  rank at end  alarms',
      '2022-08-22 03:53:54  cart     return  26 s, reopened  web / GET [31m /      2     1            1',
      '2022-08-22 04:03:54  pay      return  not noticed                                              0',
      '2022-08-22 04:13:54  ad       return  no spans                                                 0',
      '',
      'noticed                        1 of 2, 50 % (9-91), faults that left spans',
      'noticed after, median          26 s',
      'true service in first 1, 3, 5',
      '  as told, of all judged       0 % (0-66)   50 % (9-91)   50 % (9-91)',
      '  as told, of noticed          0 % (0-79)   100 % (21-100)   100 % (21-100)',
      '  at the end, of all judged    50 % (9-91)   50 % (9-91)   50 % (9-91)',
      '  at the end, of noticed       100 % (21-100)   100 % (21-100)   100 % (21-100)',
      'alarms per noticed fault       1.00',
      'false alarms                   1 in 1.00 h of data outside of faults (1.0 an hour)',
      '  2022-08-22 04:23:54          opened, web / GET [31m /',
      'Brackets: 95 % intervals (Wilson). An alarm 5 to 240 s after the start of a fault belongs to it.',
    ]);
  });
});
