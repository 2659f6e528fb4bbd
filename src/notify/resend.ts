import { RESEND_MS } from './alertmanager-payload.js';

/** How often an Alertmanager is told again. */
export const RESEND_S = RESEND_MS / 1_000;
/** Longer than any repeat interval in use; an alert that is told again in that time goes on. */
export const RESEND_FIRING_FOR_S = 7 * 86_400;
/** As Prometheus: an Alertmanager that was away for a while still hears of the end. */
export const RESEND_RESOLVED_FOR_S = 900;
