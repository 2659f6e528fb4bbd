import type { Severity } from './incident.js';

/** Which incidents are told to whom. Globs match service names; null channels means every channel of the tenant. */
export interface Rule {
  id: string;
  tenantId: number;
  name: string;
  enabled: boolean;
  services: string[];
  minSeverity: Severity;
  channelIds: string[] | null;
}
