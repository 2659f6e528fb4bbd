import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRequest, otlpType, span, text } from '../../test/support/otlp-proto.js';
import { keepSpans } from './splice.js';

const LIMIT_MS = 1_700_000_000_000;

/** Names of the spans by resource and scope; those without spans are left out. */
function namesIn(bytes: Uint8Array): { service: string; scope: string; spans: string[] }[] {
  const type = otlpType('ExportTraceServiceRequest');
  const { resourceSpans } = type.toObject(type.decode(bytes), { arrays: true }) as {
    resourceSpans: {
      resource: { attributes: { value: { stringValue: string } }[] };
      scopeSpans: { scope: { name: string }; spans: { name: string }[] }[];
    }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .filter(({ spans }) => spans.length > 0)
      .map(({ scope, spans }) => ({
        service: resource.attributes[0]!.value.stringValue,
        scope: scope.name,
        spans: spans.map(({ name }) => name),
      })),
  );
}

describe('keepSpans', () => {
  it('removes just the spans that are not kept, and what held nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.array(fc.boolean(), { maxLength: 4 }), { maxLength: 3 }), { maxLength: 3 }),
        (shape) => {
          let number = 0;
          const bytes = encodeRequest(
            shape.map((scopes, r) => ({
              resource: { attributes: [text('service.name', `service ${r}`)] },
              scopeSpans: scopes.map((spans, s) => ({
                scope: { name: `scope ${s}` },
                spans: spans.map(() => span(LIMIT_MS, { name: `span ${number++}` })),
              })),
            })),
          );
          const keep = Uint8Array.from(shape.flat(2), (kept) => (kept ? 1 : 0));
          const expected = namesIn(bytes)
            .map((part) => ({ ...part, spans: part.spans.filter((name) => keep[Number(name.slice(5))] === 1) }))
            .filter(({ spans }) => spans.length > 0);
          const spliced = keepSpans(bytes, keep);
          expect(namesIn(spliced)).toEqual(expected);
          if (keep.every((kept) => kept === 0)) expect(spliced).toHaveLength(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('leaves unknown fields where they were', () => {
    const unknown = Buffer.from([0xba, 0x3e, 0x02, 0x68, 0x69]);
    const bytes = Buffer.concat([unknown, encodeRequest([{ scopeSpans: [{ spans: [span(LIMIT_MS)] }] }]), unknown]);
    expect(keepSpans(bytes, Uint8Array.of(1))).toEqual(bytes);
  });
});
