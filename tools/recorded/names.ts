/** Names and the numbers that stand for them. */
export class Names {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];

  /** `max`: the highest number. */
  constructor(private readonly max: number) {}

  /** The number of a name, a new one when it was not seen before. */
  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    if (this.names.length > this.max)
      throw new Error(`more than ${this.max + 1} different names: this is not a span file`);
    // A copy: a slice of a line would keep the whole chunk of the file in memory.
    const own = Buffer.from(name).toString();
    this.numbers.set(own, this.names.length);
    return this.names.push(own) - 1;
  }

  name(number: number): string {
    return this.names[number] ?? '';
  }

  get count(): number {
    return this.names.length;
  }
}
