/** Bytes that all requests together may hold in memory; a single request is let in whatever its size. */
export class BodyBudget {
  private used = 0;

  constructor(private readonly maxBytes: number) {}

  /** Opens an account for one request; `close` gives back all that it took. */
  open(): BodyShare {
    let own = 0;
    return {
      take: (bytes) => {
        const others = this.used - own;
        if (others > 0 && this.used + bytes > this.maxBytes) return false;
        own += bytes;
        this.used += bytes;
        return true;
      },
      close: () => {
        this.used -= own;
        own = 0;
      },
    };
  }
}

export interface BodyShare {
  /** False when there is no room. */
  take: (bytes: number) => boolean;
  close: () => void;
}
