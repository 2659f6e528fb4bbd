/** Two-digit and four-digit pieces of hexadecimal text, since ids are made by the million. */
const HEX4 = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));

/** A seeded stream of chance: sfc32 (C. Doty-Humphrey), 128 bits of state. The same seed and name give the same numbers for ever. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;
  private spare: number | null = null;

  constructor(
    private readonly seed: number,
    name = '',
  ) {
    // FNV-1a of the name: streams of different names do not follow each other.
    let hash = 0x811c9dc5;
    for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
    this.a = seed | 0;
    this.b = hash | 0;
    this.c = Math.imul(seed ^ hash, 0x9e3779b1);
    for (let i = 0; i < 15; i++) this.bits();
  }

  /** Another stream of the same seed: what is drawn from it does not change what is drawn from this one. */
  fork(name: string): Random {
    return new Random(this.seed, name);
  }

  /** In [0, 1). */
  next(): number {
    return (this.bits() >>> 0) / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** A whole number in [from, to]. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[Math.floor(this.next() * list.length)]!;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Log-normal with median 1. */
  lognormal(sigma: number): number {
    return Math.exp(sigma * this.normal());
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** Poisson; above 30 by the normal distribution, whose error no test here can see. */
  poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    const limit = Math.exp(-mean);
    let n = 0;
    for (let product = this.next(); product > limit; product *= this.next()) n++;
    return n;
  }

  /** 16 hexadecimal digits. */
  hex16(): string {
    const high = this.bits();
    const low = this.bits();
    return HEX4[high >>> 16]! + HEX4[high & 0xffff]! + HEX4[low >>> 16]! + HEX4[low & 0xffff]!;
  }

  private bits(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t;
  }
}
