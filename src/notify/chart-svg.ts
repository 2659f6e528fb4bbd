import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { formatQuantity, formatUtc } from '../model/display.js';
import type { NoticeChart } from '../model/notice.js';

const WIDTH = 600;
const HEIGHT = 200;
const MARGIN = { top: 22, right: 14, bottom: 26, left: 76 };
/** A picture this wide shows no more; a series from outside may be longer. */
const MAX_POINTS = 600;

/** The series as a small picture: what was observed as a line (gaps where there was no data), what is normal as a band. Null: nothing to draw. */
export function chartSvg(chart: NoticeChart): string | null {
  const points = chart.points.slice(-MAX_POINTS).filter(([ms]) => Number.isFinite(ms));
  const normal = chart.normal.slice(-MAX_POINTS).filter((each) => each.every(Number.isFinite));
  const values = points.flatMap(([, value]) => (value !== null && Number.isFinite(value) ? [value] : []));
  if (values.length < 2) return null;
  const times = [...points, ...normal].map(([ms]) => ms);
  const x = scaleLinear([Math.min(...times), Math.max(...times)], [MARGIN.left, WIDTH - MARGIN.right]);
  const top = Math.max(...values, ...normal.map(([, , high]) => high));
  const y = scaleLinear([0, top > 0 ? top : 1], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(4);

  const band = area<[number, number, number]>(
    ([ms]) => x(ms),
    ([, low]) => y(Math.max(0, low)),
    ([, , high]) => y(high),
  )(normal);
  const seen = line<[number, number | null]>(
    ([ms]) => x(ms),
    ([, value]) => y(value ?? 0),
  ).defined(([, value]) => value !== null && Number.isFinite(value))(points);
  const levels = y.ticks(4).map((value) => {
    const at = y(value).toFixed(1);
    return (
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#e4e7ec"/>` +
      `<text x="${MARGIN.left - 6}" y="${at}" dy="4" text-anchor="end">${value === 0 ? '0' : formatQuantity(value, chart.unit)}</text>`
    );
  });
  const [from = 0, to = 0] = x.domain();
  const legend = [
    `<rect x="${WIDTH - 250}" y="6" width="14" height="3" fill="#d92d20"/><text x="${WIDTH - 232}" y="11">observed</text>`,
    `<rect x="${WIDTH - 168}" y="4" width="14" height="7" fill="#12b76a" fill-opacity="0.4"/><text x="${WIDTH - 150}" y="11">normal</text>`,
    `<text x="${WIDTH - MARGIN.right}" y="11" text-anchor="end">times in UTC</text>`,
  ];
  const clocks = [from, (from + to) / 2, to].map((ms, index) => {
    const anchor = ['start', 'middle', 'end'][index];
    return `<text x="${x(ms).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${formatUtc(ms).slice(11, 16)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<g font-family="DejaVu Sans" font-size="11" fill="#475467">${levels.join('')}${clocks.join('')}${legend.join('')}</g>`,
    `<path d="${band ?? ''}" fill="#12b76a" fill-opacity="0.22" stroke="#12b76a" stroke-opacity="0.35" stroke-width="5"/>`,
    `<path d="${seen ?? ''}" fill="none" stroke="#d92d20" stroke-width="2" stroke-linejoin="round"/>`,
    '</svg>',
  ].join('');
}
