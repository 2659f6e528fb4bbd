import { describe, expect, it } from '@jest/globals';
import { CLIENT, inferKinds, INTERNAL, SERVER } from './kinds.js';
import { SpanTable } from './span-table.js';

// A span as [id, parent, service, operation].
type Short = [string, string, string, string];

function kindsOf(rows: Short[]): number[] {
  const spans = new SpanTable();
  for (const [id, parent, service, operation] of rows) {
    spans.add({
      traceId: `${id[0]}`.padEnd(32, '0'),
      spanId: id.padEnd(16, '0'),
      parentId: parent === '' ? '' : parent.padEnd(16, '0'),
      service,
      operation,
      pod: '',
      startNs: 0n,
      endNs: 1n,
    });
  }
  return [...inferKinds(spans)];
}

describe('inferKinds', () => {
  const cases: { name: string; input: Short[]; expected: number[] }[] = [
    {
      name: 'a call from one service to another',
      input: [
        ['a1', '', 'web', 'GET /'],
        ['a2', 'a1', 'web', 'call cart'],
        ['a3', 'a2', 'cart', 'GetCart'],
        ['a4', 'a3', 'cart', 'SELECT'],
      ],
      expected: [SERVER, CLIENT, SERVER, INTERNAL],
    },
    {
      name: 'a root that calls another service is still a server',
      input: [
        ['a1', '', 'web', 'GET /'],
        ['a2', 'a1', 'cart', 'GetCart'],
      ],
      expected: [SERVER, SERVER],
    },
    {
      name: 'two children are not one call',
      input: [
        ['a1', '', 'web', 'GET /'],
        ['a2', 'a1', 'web', 'work'],
        ['a3', 'a2', 'cart', 'GetCart'],
        ['a4', 'a2', 'cart', 'GetCart'],
      ],
      expected: [SERVER, INTERNAL, SERVER, SERVER],
    },
    {
      name: 'children come before parents in the file',
      input: [
        ['a3', 'a2', 'cart', 'GetCart'],
        ['a2', 'a1', 'web', 'call cart'],
        ['a1', '', 'web', 'GET /'],
      ],
      expected: [SERVER, CLIENT, SERVER],
    },
    {
      name: 'a call whose other half is missing keeps the kind of its operation',
      input: [
        ['a1', '', 'web', 'GET /'],
        ['a2', 'a1', 'web', 'call cart'],
        ['a3', 'a2', 'cart', 'GetCart'],
        ['b1', '', 'web', 'GET /'],
        ['b2', 'b1', 'web', 'call cart'],
        ['b3', 'b2', 'cart', 'GetCart'],
        ['c1', '', 'web', 'GET /'],
        ['c2', 'c1', 'web', 'call cart'],
      ],
      expected: [SERVER, CLIENT, SERVER, SERVER, CLIENT, SERVER, SERVER, CLIENT],
    },
    {
      name: 'a parent that is not in the data says nothing',
      input: [['a2', 'a1', 'cart', 'GetCart']],
      expected: [INTERNAL],
    },
  ];
  it.each(cases)('$name', ({ input, expected }) => {
    expect(kindsOf(input)).toEqual(expected);
  });
});
