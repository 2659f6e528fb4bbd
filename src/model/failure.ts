/** The sender's or caller's mistake: answered 4xx, never retried. `field` names the offending input where there is one. */
export class Rejected extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 = 400,
    readonly field?: string,
  ) {
    super(message);
    this.name = 'Rejected';
  }
}

/** Something we need is away or full: answered 503 (or 429) with Retry-After, retried with back-off by jobs. */
export class Unavailable extends Error {
  constructor(
    message: string,
    readonly retryAfterS: number,
    options?: { cause?: unknown; status?: 429 | 503; code?: string },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Unavailable';
    this.status = options?.status ?? 503;
    this.code = options?.code ?? 'unavailable';
  }
  readonly status: 429 | 503;
  /** Why, in one word, for whoever counts. */
  readonly code: string;
}
