const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const WHOLE = /^(?:\d{1,9}(?:ms|[smhdw]))+$/;
const PART = /(\d{1,9})(ms|[smhdw])/g;
const known = new Map<string, number>();

/** Milliseconds of a duration such as `90s`, `5m`, `1h30m`, `3d` or `300ms`; null for what is none. */
export function parseDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  let sum = 0;
  for (const [, n, unit] of text.matchAll(PART)) sum += Number(n) * UNITS_MS[unit!]!;
  return sum;
}

/** The same of a duration that was checked before. Throws on what is none. */
export function durationMs(text: string): number {
  let ms = known.get(text);
  if (ms !== undefined) return ms;
  const parsed = parseDuration(text);
  if (parsed === null) throw new Error(`${text} is no duration`);
  ms = parsed;
  if (known.size < 10_000) known.set(text, ms);
  return ms;
}

/** Milliseconds as a duration: `1h30m`, `0s`. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const n = Math.floor(rest / UNITS_MS[unit]!);
    if (n > 0) text += `${n}${unit}`;
    rest -= n * UNITS_MS[unit]!;
  }
  return text === '' ? '0s' : text;
}
