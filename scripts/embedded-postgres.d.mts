export interface EmbeddedPostgresOptions {
  home?: string;
  ephemeral?: boolean;
  settings?: Record<string, string | number>;
  platform?: string;
  abort?: AbortSignal;
  log?: (text: string) => void;
}

export interface EmbeddedPostgres {
  url: string;
  adminUrl: string;
  port: number;
  pid: number;
  version: string;
  directory: string;
  isNew: boolean;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** A throw-away one always ends at once; another takes SIGINT (the default) to end in order, SIGQUIT to end at once. */
  stop(signal?: 'SIGINT' | 'SIGQUIT'): Promise<void>;
}

export function dataHome(): string;
export function startEmbeddedPostgres(options?: EmbeddedPostgresOptions): Promise<EmbeddedPostgres>;
