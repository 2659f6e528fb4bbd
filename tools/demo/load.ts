const TICK_MS = 50;
const TIMEOUT_MS = 15_000;
const REMEMBERED_MS = 5_000;

// What customers do, and how often of 100 times.
const VISITS: [share: number, method: string, path: string][] = [
  [40, 'GET', '/'],
  [35, 'GET', '/product'],
  [15, 'POST', '/cart'],
  [10, 'POST', '/checkout'],
];

/** Customers of the shop: a steady stream of requests, with a bound on how many are on the way at once. */
export class Load {
  private readonly timer: NodeJS.Timeout;
  private readonly recent: { atMs: number; tookMs: number; failed: boolean }[] = [];
  private onTheWay = 0;
  private owed = 0;

  constructor(
    private readonly shopUrl: string,
    perSecond: number,
    private readonly maxOnTheWay = 100,
  ) {
    this.timer = setInterval(() => {
      this.owed = Math.min(this.owed + (perSecond * TICK_MS) / 1000, perSecond);
      for (; this.owed >= 1 && this.onTheWay < this.maxOnTheWay; this.owed -= 1) void this.visit();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The last five seconds: requests a second, their 95th percentile in ms, and the share that failed. */
  figures(): { perSecond: number; p95Ms: number; failed: number } {
    const since = Date.now() - REMEMBERED_MS;
    while ((this.recent[0]?.atMs ?? Infinity) < since) this.recent.shift();
    const took = this.recent.map((each) => each.tookMs).sort((a, b) => a - b);
    return {
      perSecond: took.length / (REMEMBERED_MS / 1000),
      p95Ms: took[Math.ceil(took.length * 0.95) - 1] ?? 0,
      failed: this.recent.filter((each) => each.failed).length / Math.max(1, took.length),
    };
  }

  private async visit(): Promise<void> {
    let choice = Math.random() * 100;
    const [, method = 'GET', path = '/'] = VISITS.find(([share]) => (choice -= share) < 0) ?? [];
    this.onTheWay += 1;
    const began = performance.now();
    let failed = true;
    try {
      const response = await fetch(this.shopUrl + path, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.arrayBuffer();
      failed = !response.ok;
    } catch {
      // Counted as failed.
    }
    this.onTheWay -= 1;
    this.recent.push({ atMs: Date.now(), tookMs: performance.now() - began, failed });
  }
}
