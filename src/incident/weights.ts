import { MINUTE_MS } from '../model/window.js';

/** Weight of the newest window's scores in the causes of an incident: a few windows decide, one does not. */
export const NEWEST_WEIGHT = 0.4;
/** Probability from which a group's first cause is somebody else's, and up to which an incident has not thought of it. */
export const PLAIN_SCORE = 0.8;
export const FAINT_SCORE = 0.1;
/** Entries of every list of an incident. */
export const MAX_LISTED = 20;
/** After a minute it is settled whom an incident blames, and how: causes are averaged over its windows. */
export const SETTLED_AFTER_MS = MINUTE_MS;
