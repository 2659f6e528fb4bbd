/**
 * Holds a rate in the long run and lets bursts through: it fills at `perSecond` up to `burstS` seconds' worth. Whoever comes while anything
 * is in it may take all that it needs, and the bucket then stays empty for as long as that takes to come in again: so the rate holds, and
 * no request is too large for it. A rate of 0 is no limit.
 */
export class TokenBucket {
  private level: number;

  constructor(
    perSecond: number,
    burstS: number,
    private filledMs: number,
  ) {
    this.level = perSecond * burstS;
  }

  /** How long (ms) until something is in it; 0: now. */
  waitMs(perSecond: number, burstS: number, nowMs: number): number {
    if (perSecond === 0) {
      this.level = 0;
      this.filledMs = nowMs;
      return 0;
    }
    const elapsedMs = Math.max(0, nowMs - this.filledMs);
    this.level = Math.min(this.level + (elapsedMs / 1_000) * perSecond, perSecond * burstS);
    this.filledMs = nowMs;
    return this.level > 0 ? 0 : Math.max(1, (-this.level / perSecond) * 1_000);
  }

  spend(n: number): void {
    this.level -= n;
  }
}
