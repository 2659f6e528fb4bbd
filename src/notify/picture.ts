import { Resvg } from '@resvg/resvg-js';
import { createRequire } from 'node:module';
import type { NoticeChart } from '../model/notice.js';
import { chartSvg } from './chart-svg.js';

/** Bundled, so that a machine without fonts draws the same picture. */
const FONT = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');

/** The chart as PNG, or null when there is nothing to draw. A message without its picture is still a message: trouble means null, too. */
export function chartPng(chart: NoticeChart | undefined): Buffer | null {
  const svg = chart && chartSvg(chart);
  if (svg == null) return null;
  try {
    const font = { loadSystemFonts: false, fontFiles: [FONT], defaultFontFamily: 'DejaVu Sans' };
    return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: 2 } }).render().asPng();
  } catch {
    return null;
  }
}
