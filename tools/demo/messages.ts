import type { Identity } from '../client/api.js';
export const SERVICES = ['frontend', 'checkout', 'cart', 'catalogue', 'payment'] as const;
export type ServiceName = (typeof SERVICES)[number];

export const FAULTS = ['slow', 'errors'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** What the demo tells a service of the shop. */
export type Order =
  | { kind: 'start'; service: ServiceName; otlpUrl: string; identity: Identity }
  | { kind: 'peers'; urls: Record<ServiceName, string> }
  | { kind: 'fault'; fault: FaultKind | null }
  | { kind: 'stop' };

/** What a service of the shop answers once it listens. */
export interface Listening {
  kind: 'listening';
  url: string;
}
