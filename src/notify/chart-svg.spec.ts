import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NoticeChart } from '../model/notice.js';
import { chartSvg } from './chart-svg.js';
import { chartPng } from './picture.js';

const T0 = Date.parse('2026-11-21T03:00:00Z');
const chart = (values: (number | null)[]): NoticeChart => ({
  unit: 'us',
  points: values.map((value, i) => [T0 + i * 10_000, value]),
  normal: values.map((_, i) => [T0 + i * 10_000, 200_000, 300_000]),
});

describe('chartSvg', () => {
  it('draws what was seen, what is normal, and names both axes', () => {
    const svg = chartSvg(chart([240_000, 250_000, 1_900_000, 1_800_000])) ?? '';
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain('03:00</text>');
    expect(svg).toContain('>1 s</text>');
    expect(svg).toContain('>0</text>');
    for (const word of ['observed', 'normal', 'times in UTC']) expect(svg).toContain(`>${word}</text>`);
    expect(svg.match(/<path d="M[^"]+"/g)).toHaveLength(2);
  });

  it('leaves a gap where there was no data, and is nothing without data', () => {
    expect(
      chartSvg(chart([1, 2, null, 3, 4]))
        ?.match(/<path d="(M[^"]+)" fill="none"/)?.[1]
        ?.match(/M/g),
    ).toHaveLength(2);
    expect(chartSvg(chart([]))).toBeNull();
    expect(chartSvg(chart([null, 5]))).toBeNull();
  });

  it('draws any numbers within its frame', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.double({ min: 0, max: 1e15 }))), (values) => {
        const svg = chartSvg(chart(values));
        expect(svg ?? '').not.toMatch(/NaN|Infinity/);
      }),
    );
  });
});

describe('chartPng', () => {
  it('is a picture, the same each time, of a size that goes into a message', () => {
    const series = chart(Array.from({ length: 60 }, (_, i) => (i > 50 ? 1_900_000 : 240_000 + i)));
    const png = chartPng(series);
    expect(png?.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n');
    expect(png?.length).toBeLessThan(60_000);
    expect(chartPng(series)?.equals(png as Buffer)).toBe(true);
    expect(chartPng(undefined)).toBeNull();
  });
});
