import type { SpanClocks } from '../journal/pending.js';

const FLUSH_MS = 50;

/** Passes on to another thread how far event time has come, at most twenty times a second. */
export class ClockRelay implements SpanClocks {
  private seen = new Map<number, Map<number, number>>();
  private timer: NodeJS.Timeout | null = null;

  /** `post` gets triples of tenant id, service id and epoch µs. */
  constructor(private readonly post: (clocks: Float64Array) => void) {}

  saw(tenantId: number, serviceId: number, endUs: number): void {
    let services = this.seen.get(tenantId);
    if (!services) this.seen.set(tenantId, (services = new Map()));
    if (endUs > (services.get(serviceId) ?? 0)) services.set(serviceId, endUs);
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const triples: number[] = [];
    for (const [tenantId, services] of this.seen) {
      for (const [serviceId, endUs] of services) triples.push(tenantId, serviceId, endUs);
    }
    this.seen = new Map();
    if (triples.length > 0) this.post(Float64Array.from(triples));
  }
}
