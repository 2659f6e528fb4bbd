import type { Policy } from './policy.js';

/**
 * Whether an operation is too rare to have a baseline of its own: known for long enough, and still short of the spans that one asks for. Such operations are
 * judged together with the others of their service.
 */
export function isRare({ windows, n }: { windows: number; n: number }, policy: Policy): boolean {
  return windows >= policy.rare.afterWindows && n >= policy.rare.minSpans && n < policy.minBaselineN;
}
