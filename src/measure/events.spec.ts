import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ANY_SEVERE, type EventLine } from '../model/event.js';
import type { Posting } from '../model/posting.js';
import { TemplateTree } from './drain.js';
import { measureEvents } from './events.js';

const AT = 1_700_000_000_000;
const trace = (n: number) => n.toString(16).padStart(32, '0');

function posting(operationId: number, spans: readonly number[]): Posting {
  const n = spans.length;
  return {
    operationId,
    windowAtMs: AT,
    n,
    durationUs: new Float64Array(n),
    endOffsetUs: new Uint32Array(n),
    flags: new Uint8Array(n),
    spanTag: Uint32Array.from(spans),
    weight: null,
    traceId: (i) => trace(spans[i]!),
  };
}

/** A line within span `span` of the trace of the same number. */
const line = (span: number | null, text: string, fields: Partial<EventLine> = {}): EventLine => ({
  source: 'log',
  serviceId: 1,
  severity: 9,
  text,
  timeMs: AT + 5_000,
  traceId: span === null ? '' : trace(span),
  spanTag: span,
  ...fields,
});

describe('measureEvents', () => {
  it('counts lines by the operation whose span, ended in the window, holds them, and by service', () => {
    const tree = new TemplateTree([]);
    const lines = [line(1, 'paid 5'), line(1, 'paid 6'), line(2, 'paid 7'), line(9, 'paid 8'), line(null, 'paid 9')];
    const counted = measureEvents(AT, lines, [posting(10, [1, 2, 3])], tree);
    const id = [...tree.templates.keys()][0];
    expect(counted).toEqual([
      { templateId: id, operationId: 0, n: 5, spans: 5, exemplars: [trace(1), trace(2), trace(9)] },
      { templateId: id, operationId: 10, n: 3, spans: 2, exemplars: [trace(1), trace(2)] },
    ]);
  });

  it('finds lines of the minute before in spans that end now, and counts their time elsewhere', () => {
    const counted = measureEvents(
      AT,
      [line(1, 'began', { timeMs: AT - 30_000 })],
      [posting(10, [1])],
      new TemplateTree([]),
    );
    expect(counted).toMatchObject([{ operationId: 10, n: 1 }]);
  });

  it('adds up what is severe, each span once', () => {
    const lines = [line(1, 'boom x', { severity: 17 }), line(1, 'crash of y', { severity: 21 }), line(2, 'fine')];
    const counted = measureEvents(AT, lines, [posting(10, [1, 2])], new TemplateTree([]));
    expect(counted.filter(({ templateId }) => templateId === ANY_SEVERE)).toMatchObject([
      { operationId: 10, n: 2, spans: 1 },
    ]);
  });

  it('takes the operation of a span event as it is told', () => {
    const event = line(5, 'IllegalState: no', {
      source: 'span_event',
      severity: 17,
      operationId: 11,
      timeMs: AT - 20_000,
    });
    expect(measureEvents(AT, [event], [], new TemplateTree([]))).toMatchObject([{ operationId: 11, n: 1, spans: 1 }]);
  });

  it('does not depend on the order of lines', () => {
    const words = fc.constantFrom('user alice is in', 'user bob is in', 'order 1 paid', 'order 2 lost', 'x', '');
    const some = fc.array(fc.record({ span: fc.option(fc.integer({ min: 1, max: 5 })), text: words }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        some.chain((lines) => fc.tuple(fc.constant(lines), fc.shuffledSubarray(lines, { minLength: lines.length }))),
        ([lines, shuffled]) => {
          const count = (each: typeof lines) => {
            const tree = new TemplateTree([]);
            const counted = measureEvents(
              AT,
              each.map(({ span, text }) => line(span, text)),
              [posting(10, [1, 2]), posting(11, [3, 4])],
              tree,
            );
            return { counted, templates: [...tree.templates.values()] };
          };
          expect(count(shuffled)).toEqual(count(lines));
        },
      ),
    );
  });
});
