import type { Guard } from '../rule-data.js';

export const NO_TRACES = (): string[] => [];

/** A guard that passes from `limit` on. */
export function atLeast(name: string, value: number | null, limit: number, unit: string): Guard {
  return { name, value, limit, unit, passes: value !== null && value >= limit };
}

/** A guard that passes beyond `limit`. */
export function beyond(
  name: string,
  value: number | null,
  limit: number,
  side: 'above' | 'below',
  unit: string,
): Guard {
  return { name, value, limit, unit, passes: value !== null && (side === 'above' ? value > limit : value < limit) };
}

/** Holds when all guards pass. */
export function allPass(guards: readonly Guard[]): boolean {
  return guards.every(({ passes }) => passes);
}
