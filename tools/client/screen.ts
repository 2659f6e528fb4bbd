const PLAIN_EVERY_MS = 10_000;

/** Where a tool speaks to the person in front of it: lines that stay, and one line that is drawn again and again. */
export class Screen {
  private status = '';
  private lastPlainMs = 0;

  constructor(
    private readonly out: NodeJS.WriteStream = process.stdout,
    private readonly now: () => number = Date.now,
  ) {}

  /** Prints text that stays. */
  say(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
    this.draw();
  }

  /** Shows what is going on now. Without a terminal it becomes an ordinary line every ten seconds. */
  show(status: string): void {
    if (this.out.isTTY) {
      this.clear();
      this.status = status.slice(0, Math.max(20, (this.out.columns ?? 80) - 1));
      this.draw();
    } else if (this.now() - this.lastPlainMs >= PLAIN_EVERY_MS) {
      this.lastPlainMs = this.now();
      this.out.write(`${status}\n`);
    }
  }

  /** Takes the changing line away. */
  done(): void {
    this.clear();
    this.status = '';
  }

  private clear(): void {
    if (this.out.isTTY && this.status) this.out.write('\r\u001b[2K');
  }

  private draw(): void {
    if (this.out.isTTY && this.status) this.out.write(this.status);
  }
}

const BAR_WIDTH = 24;

/** A bar such as `[=====>      ]  42 %`; `part` is 0 to 1. */
export function bar(part: number): string {
  const share = Math.min(1, Math.max(0, part));
  const full = Math.round(share * BAR_WIDTH);
  const head = full > 0 && full < BAR_WIDTH ? '>' : '';
  return `[${'='.repeat(full - head.length)}${head}${' '.repeat(BAR_WIDTH - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** `85 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
