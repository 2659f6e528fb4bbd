/** What a link in a message lets whoever has it read, until it expires. */
export interface ReadClaim {
  tenantId: number;
  kind: 'incident' | 'alert' | 'trace';
  /** Of the incident or the alert (UUID), or of the trace (32 hex). */
  id: string;
  expiresAtMs: number;
}
