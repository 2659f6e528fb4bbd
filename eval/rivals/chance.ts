import type { Place } from '../../tools/recorded/score.js';

/** Expected accuracy at 1, 3 and 5, and mean rank, of a random order of `services` services. */
export function chance(services: number): { as: Record<Place, number>; meanRank: number } {
  const at = (place: Place): number => Math.min(1, place / services);
  return { as: { 1: at(1), 3: at(3), 5: at(5) }, meanRank: (services + 1) / 2 };
}
