/** What a caller may do. `ingest`: send spans. `read`: look. `admin`: change settings, tenants and keys, and look. */
export const SCOPES = ['ingest', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
