import type { Matcher } from '../model/routing.js';
import { matchesAll } from './matcher.js';

export const MATCHES_ALL =
  'would silence every alert, also those without these labels; at least one must not match an empty value';

/** As in Alertmanager: a silence of alerts that have none of its labels is a mistake, of which one learns too late. */
export function matchesNotAll(matchers: readonly Matcher[]): boolean {
  return !matchesAll(matchers, {});
}
