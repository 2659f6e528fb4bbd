import { Logger } from '@nestjs/common';

const QUIET_MS = 30_000;

/** Says that something is wrong at once, then every half minute with the number of times in between: an outage must not flood the log. */
export class TroubleLog {
  private readonly log: Logger;
  private quietUntilMs = 0;
  private unsaid = 0;

  constructor(name: string) {
    this.log = new Logger(name);
  }

  say(what: string, error: Error): void {
    const nowMs = Date.now();
    if (nowMs < this.quietUntilMs) {
      this.unsaid += 1;
      return;
    }
    const more = this.unsaid > 0 ? ` (and ${this.unsaid} more since the last such line)` : '';
    this.log.warn(`${what}: ${error.message || (error as NodeJS.ErrnoException).code || error.name}${more}`);
    this.quietUntilMs = nowMs + QUIET_MS;
    this.unsaid = 0;
  }
}
