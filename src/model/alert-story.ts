import type { Alert } from './alert.js';

/** An alert with what happened to it, and who was told of that. */
export interface AlertStory {
  alert: Alert;
  transitions: { sequence: number; atMs: number; from: string; to: string; reason: string }[];
  decisions: {
    sequence: number;
    atMs: number;
    send: boolean;
    reason: string;
    detail: string | null;
    channelIds: string[];
  }[];
}
