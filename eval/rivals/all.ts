import { AUTHORS_SIGMAS } from './abnormal-trace.js';
import { deepestFailing } from './deepest-failing.js';
import { microRank } from './microrank.js';
import { ochiai } from './ochiai.js';
import type { Rival } from './rival.js';
import { traceRca } from './trace-rca.js';
import { highestDurationZ, highestSelfTimeZ } from './z-score.js';

/** The re-implemented methods, in the order of the table. The expected value of chance is computed, not drawn: see `chance.ts`. */
export const RIVALS: readonly Rival[] = [
  highestDurationZ,
  highestSelfTimeZ,
  ochiai(AUTHORS_SIGMAS),
  ochiai(0),
  microRank(AUTHORS_SIGMAS),
  microRank(0),
  traceRca,
  deepestFailing,
];
