/** What a link in a message lets whoever has it read, until it expires. */
export interface ReadClaim {
  tenantId: number;
  kind: 'incident' | 'trace';
  /** Of the incident (UUID) or the trace (32 hex). */
  id: string;
  expiresAtMs: number;
}
