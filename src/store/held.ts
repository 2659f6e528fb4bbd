/**
 * Values by key up to a total weight; those not asked for longest go first. One that weighs more than all together may is not held at all.
 */
export class Held<K, V> {
  private readonly entries = new Map<K, { value: V; weight: number }>();
  private total = 0;

  constructor(private readonly most: number) {}

  get(key: K): V | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Gives it away. */
  take(key: K): V | undefined {
    const value = this.entries.get(key)?.value;
    this.delete(key);
    return value;
  }

  set(key: K, value: V, weight: number): void {
    this.delete(key);
    if (weight > this.most) return;
    this.entries.set(key, { value, weight });
    this.total += weight;
    for (const oldest of this.entries.keys()) {
      if (this.total <= this.most) break;
      this.delete(oldest);
    }
  }

  private delete(key: K): void {
    this.total -= this.entries.get(key)?.weight ?? 0;
    this.entries.delete(key);
  }
}
