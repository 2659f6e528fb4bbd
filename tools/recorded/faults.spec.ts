import { describe, expect, it } from '@jest/globals';
import { parseFaults } from './faults.js';

describe('parseFaults', () => {
  it('reads the list with services, in the order of time', () => {
    const list = [
      {
        system: 'x',
        start: '2022-08-22T04:02:07Z',
        end: '2022-08-22T04:05:07Z',
        service: 'b',
        pod: 'b-1',
        type: 'return',
      },
      {
        system: 'x',
        start: '2022-08-22T03:53:54Z',
        end: '2022-08-22T03:56:54Z',
        service: 'a',
        pod: 'a-1',
        type: 'cpu',
      },
    ];
    expect(parseFaults(list, 'f')).toEqual([
      { service: 'a', type: 'cpu', startMs: 1661140434000, endMs: 1661140614000 },
      { service: 'b', type: 'return', startMs: 1661140927000, endMs: 1661141107000 },
    ]);
  });

  it('reads a Nezha fault list by its UTC time, not by its wrong timestamps', () => {
    const list = {
      '08': [
        {
          inject_time: '2023-01-29 08:43:04',
          inject_timestamp: '1674953044',
          inject_pod: 'ts-contacts-service-866bd68c97-xcqfx',
          inject_type: 'return',
        },
      ],
    };
    const startMs = Date.UTC(2023, 0, 29, 8, 43, 4);
    expect(parseFaults(list, 'f')).toEqual([
      { service: 'ts-contacts-service', type: 'return', startMs, endMs: startMs + 180_000 },
    ]);
  });

  it.each([{ input: 'no' }, { input: [{ start: 'soon' }] }, { input: { a: [{}] } }])('refuses $input', ({ input }) => {
    expect(() => parseFaults(input, 'labels.json')).toThrow('labels.json is not a list of faults');
  });
});
