import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CsvCutter } from './csv.js';

function cut(chunks: Buffer[]): string[][] {
  const records: string[][] = [];
  const cutter = new CsvCutter((fields) => records.push(fields));
  for (const chunk of chunks) cutter.push(chunk);
  cutter.end();
  return records;
}
const ofText = (text: string): string[][] => cut([Buffer.from(text)]);

describe('CsvCutter', () => {
  const cases = [
    { name: 'plain lines', text: 'a,b\nc,d\n', expected: [['a', 'b'], ['c', 'd']] }, // prettier-ignore
    { name: 'no last line end', text: 'a,b\nc,', expected: [['a', 'b'], ['c', '']] }, // prettier-ignore
    { name: 'a byte order mark and \\r', text: '\ufeffa,b\r\nc\r\n', expected: [['a', 'b'], ['c']] },
    { name: 'empty lines', text: 'a\n\n\r\nb\n', expected: [['a'], ['b']] },
    { name: 'commas in quotes', text: '"a,b",c\n', expected: [['a,b', 'c']] },
    { name: 'doubled quotes', text: '"say ""hi""",""\n', expected: [['say "hi"', '']] },
    { name: 'a quoted empty field between', text: 'a,"",b\n', expected: [['a', '', 'b']] },
    { name: 'line ends in quotes', text: 'a,"b\nc\r\nd"\ne,f\n', expected: [['a', 'b\nc\r\nd'], ['e', 'f']] }, // prettier-ignore
    { name: 'a quote that never closes', text: 'a,"b\nc', expected: [['a', 'b\nc']] },
  ];
  it.each(cases)('$name', ({ text, expected }) => {
    expect(ofText(text)).toEqual(expected);
  });

  it('gives back what was written, whatever the pieces', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', '字') });
    const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 7 }),
        (records, size) => {
          const bytes = Buffer.from(records.map((record) => `${record.map(quoted).join(',')}\n`).join(''));
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
          expect(cut(chunks)).toEqual(records);
        },
      ),
    );
  });
});
