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
  stop(): Promise<void>;
}

export function dataHome(): string;
export function startEmbeddedPostgres(options?: EmbeddedPostgresOptions): Promise<EmbeddedPostgres>;
