import { expect, it } from '@jest/globals';
import { KIND_CLIENT, KIND_SERVER, type StructuralSpan } from '../model/span.js';
import { apart } from './shared-ids.js';

type Row = [spanId: string, parentSpanId: string, serviceId: number, kind: number];
const spansOf = (rows: readonly Row[]): StructuralSpan[] =>
  rows.map(([spanId, parentSpanId, serviceId, kind], i) => ({
    traceId: '0'.repeat(32),
    spanId,
    parentSpanId,
    operationId: i + 1,
    serviceId,
    kind,
    startUs: 0,
    endUs: 10,
    isError: false,
  }));

it.each<{ name: string; rows: Row[]; want: [string, string][] }>([
  {
    name: 'a client and a server with ids of their own',
    rows: [
      ['a', '', 1, KIND_CLIENT],
      ['b', 'a', 2, KIND_SERVER],
    ],
    want: [
      ['a', ''],
      ['b', 'a'],
    ],
  },
  {
    name: 'a server that has the id of its client, whichever came first, and what it called',
    rows: [
      ['c', 's', 2, KIND_CLIENT],
      ['s', 'r', 2, KIND_SERVER],
      ['s', 'r', 1, KIND_CLIENT],
      ['r', '', 1, KIND_SERVER],
    ],
    want: [
      ['c', 's server'],
      ['s server', 's'],
      ['s', 'r'],
      ['r', ''],
    ],
  },
  {
    name: 'what the client does below its call',
    rows: [
      ['s', '', 1, KIND_CLIENT],
      ['dns', 's', 1, 1],
      ['s', '', 2, KIND_SERVER],
    ],
    want: [
      ['s', ''],
      ['dns', 's'],
      ['s server', 's'],
    ],
  },
  {
    name: 'calls within one service',
    rows: [
      ['s', '', 1, KIND_CLIENT],
      ['s', '', 1, KIND_SERVER],
      ['c', 's', 1, 1],
    ],
    want: [
      ['s', ''],
      ['s server', 's'],
      ['c', 's server'],
    ],
  },
  {
    name: 'a server whose client is not there',
    rows: [
      ['s', 'r', 2, KIND_SERVER],
      ['c', 's', 2, KIND_CLIENT],
    ],
    want: [
      ['s', 'r'],
      ['c', 's'],
    ],
  },
])('puts in their places: $name', ({ rows, want }) =>
  expect(apart(spansOf(rows)).map(({ spanId, parentSpanId }) => [spanId, parentSpanId])).toEqual(want),
);
