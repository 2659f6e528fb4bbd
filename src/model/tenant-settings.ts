/** What is set for one tenant; null: as the process is configured. */
export interface TenantSettings {
  /** Spans a second in the long run; 0: no limit. */
  spansPerSecond: number | null;
  /** Bytes of requests (uncompressed) a second in the long run; 0: no limit. */
  bytesPerSecond: number | null;
  /** Whether ids, numbers and the like in span names become placeholders in the names of operations. */
  normaliseSpanNames: boolean;
}

export const DEFAULT_TENANT_SETTINGS: TenantSettings = Object.freeze({
  spansPerSecond: null,
  bytesPerSecond: null,
  normaliseSpanNames: false,
});
