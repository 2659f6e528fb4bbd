/** One line of the plot: a share with its interval, or (without one) a published number. Percent. */
export interface PlotRow {
  name: string;
  first: number;
  firstThree: number;
  interval: readonly [number, number] | null;
  kind: 'ours' | 'rival' | 'published';
}

export interface PlotPanel {
  title: string;
  rows: readonly PlotRow[];
}

const COLOURS = { ours: '#0b6e4f', rival: '#4a5568', published: '#9a6700' } as const;
const [NAMES, SCALE, ROW, HEAD, GAP] = [250, 420, 20, 46, 18];
const WIDTH = NAMES + SCALE + 40;

/** Panels below each other: a dot for "true service first" with its 95 % interval, a ring for "among the first three". An SVG document. */
export function plotSvg(panels: readonly PlotPanel[]): string {
  const parts: string[] = [];
  let top = 58;
  for (const { title, rows } of panels) {
    parts.push(text(12, top + 18, title, 'font-weight="bold" font-size="14"'), ...axis(top + HEAD, rows.length));
    rows.forEach((row, i) => parts.push(...line(row, top + HEAD + i * ROW + ROW / 2)));
    top += HEAD + rows.length * ROW + 24 + GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${top}" fill="#ffffff"/>`,
    ...legend(),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function legend(): string[] {
  return [
    dot(24, 20, '#1a202c'),
    text(34, 24, 'true service first, with 95 % interval'),
    ring(262, 20, '#1a202c'),
    text(272, 24, 'among the first three'),
    ...(['ours', 'rival', 'published'] as const).flatMap((kind, i) => {
      const left = 18 + [0, 110, 240][i]!;
      const name = { ours: 'Tracehound', rival: 're-implemented', published: 'as published' }[kind];
      return [`<rect x="${left}" y="36" width="12" height="12" fill="${COLOURS[kind]}"/>`, text(left + 18, 46, name)];
    }),
  ];
}

function axis(top: number, rows: number): string[] {
  const bottom = top + rows * ROW;
  return [0, 20, 40, 60, 80, 100].flatMap((percent) => [
    `<line x1="${x(percent)}" y1="${top}" x2="${x(percent)}" y2="${bottom}" stroke="#e2e8f0"/>`,
    text(x(percent), bottom + 15, `${percent} %`, 'text-anchor="middle" fill="#4a5568"'),
  ]);
}

function line({ name, first, firstThree, interval, kind }: PlotRow, y: number): string[] {
  const colour = COLOURS[kind];
  const whisker =
    interval === null
      ? []
      : [
          `<line x1="${x(interval[0])}" y1="${y}" x2="${x(interval[1])}" y2="${y}" stroke="${colour}" stroke-width="2" stroke-opacity="0.5"/>`,
        ];
  return [
    text(NAMES - 12, y + 4, name, `text-anchor="end" fill="${colour}"${kind === 'ours' ? ' font-weight="bold"' : ''}`),
    ...whisker,
    ring(x(firstThree), y, colour),
    dot(x(first), y, colour),
  ];
}

function x(percent: number): number {
  return round(NAMES + (percent / 100) * SCALE);
}

function dot(cx: number, cy: number, colour: string): string {
  return `<circle cx="${cx}" cy="${cy}" r="4.5" fill="${colour}"/>`;
}

function ring(cx: number, cy: number, colour: string): string {
  return `<circle cx="${cx}" cy="${cy}" r="6.5" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

function text(atX: number, y: number, content: string, attributes = 'fill="#1a202c"'): string {
  return `<text x="${atX}" y="${y}" ${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
