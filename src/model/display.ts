import type { AlertFigures } from './alert.js';

/** Unseen or direction-changing characters: format (bidi, zero-width, tags), lone surrogates, and blanks that pass for letters. */
const UNSEEN = /[\p{Cf}\p{Cs}\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0]/gu;
const BREAKS = /[\p{Cc}\p{Zl}\p{Zp}\s]+/gu;

/** Cuts on a code point, at most `max` code points long; what was cut shows as `…`. */
export function truncate(text: string, max: number): string {
  // A code point is one or two units, so this slice holds all that can be kept, and a huge text is not walked whole.
  const head = Array.from(text.slice(0, 2 * max + 2));
  if (head.length <= max) return text;
  return `${head.slice(0, Math.max(0, max - 1)).join('')}…`;
}

/**
 * A sender's text made fit to show on one line: no control, bidirectional or zero-width characters, blanks collapsed, at most `max`
 * code points. It is still plain text: whoever puts it into markup escapes it for that markup.
 */
export function displayText(text: string, max = 200): string {
  const shown = text
    .slice(0, 8 * max)
    .replace(UNSEEN, '')
    .replace(BREAKS, ' ')
    .trim();
  return shown === '' ? '(no name)' : truncate(text.length > 8 * max ? `${shown}…` : shown, max);
}

/** Microseconds for people: `850 µs`, `12.3 ms`, `1.9 s`, `3.5 min`. */
export function formatDurationUs(us: number): string {
  if (us >= 119_500_000) return `${round(us / 60_000_000)} min`;
  if (us >= 999_500) return `${round(us / 1_000_000)} s`;
  if (us >= 999.5) return `${round(us / 1_000)} ms`;
  return `${Math.round(us)} µs`;
}

export type QuantityUnit = 'us' | 'ratio' | 'per_window' | 'calls_per_call';

/** A measured value with its unit, as people say it. */
export function formatQuantity(value: number, unit: QuantityUnit | AlertFigures['unit']): string {
  switch (unit) {
    case 'us':
      return formatDurationUs(value);
    case 'ratio':
      return `${round(value * 100)} %`;
    case 'per_window':
      return `${round(value)} per 10 s`;
    case 'calls_per_call':
      return `${round(value)} per call`;
    case 'per_second':
      return `${round(value)} per s`;
    case 'traces':
      return value === 1 ? '1 trace' : `${round(value)} traces`;
    case 'burn_rate':
      return `${round(value)} times the budget`;
    case 'apdex':
      return `Apdex ${round(value)}`;
    case 'alerts':
      return value === 1 ? '1 alert' : `${round(value)} alerts`;
    case 'seconds':
      return formatDurationUs(value * 1_000_000);
  }
}

/** `2026-11-21 03:11:40 UTC`. */
export function formatUtc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `2026-11-21 03:11 UTC`. */
export function formatMinuteUtc(ms: number): string {
  return formatUtc(ms).replace(/:\d\d UTC$/, ' UTC');
}

/** Two significant digits below 10, none after the point from 100 on. */
function round(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value));
  if (size >= 10) return String(Math.round(value * 10) / 10);
  return String(Number(value.toPrecision(2)));
}
