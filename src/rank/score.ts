import type { Cause } from '../model/cause.js';
import type { Suspects } from './blame.js';

const MAX_CAUSES = 20;
const MIN_SCORE = 0.001;

/**
 * Logistic regression of "this service is at fault" on the log-odds of its share of the trouble and the logarithm of its strongest evidence,
 * fitted by `npm run eval:calibrate`; figures in docs/detection.md.
 */
const CALIBRATION = { intercept: -3, share: 0.7, surprise: 1.3 };

/** What the calibration looks at, for one service. */
export interface Features {
  share: number;
  surprise: number;
}

export interface Calibration {
  intercept: number;
  share: number;
  surprise: number;
}

export function inputsOf({ share, surprise }: Features): [number, number] {
  const held = Math.min(0.999, Math.max(0.001, share));
  return [Math.log(held / (1 - held)), Math.log10(1 + surprise)];
}

export function probability(features: Features, { intercept, share, surprise }: Calibration = CALIBRATION): number {
  const [a, b] = inputsOf(features);
  return 1 / (1 + Math.exp(-(intercept + share * a + surprise * b)));
}

/** By service: its share of the trouble, all its operations together, and the strongest evidence against it. */
export function featuresOf({ causes, surprise }: Suspects): Map<string, Features> {
  const features = new Map<string, Features>();
  for (const { service, score } of causes) {
    const share = (features.get(service)?.share ?? 0) + score;
    features.set(service, { share, surprise: surprise.get(service) ?? 0 });
  }
  return features;
}

/**
 * Causes with their probabilities as scores, best first. A fault sits in a service and shows in all that the service does: the first
 * operation of a service carries the probability that it is at fault, the others their part in proportion to their shares.
 */
export function scored(suspects: Suspects): Cause[] {
  const features = featuresOf(suspects);
  const most = new Map<string, number>();
  for (const { service, score } of suspects.causes) most.set(service, Math.max(most.get(service) ?? 0, score));
  return suspects.causes
    .map((cause) => ({
      ...cause,
      score: (probability(features.get(cause.service)!) * cause.score) / most.get(cause.service)!,
    }))
    .filter((cause) => cause.score > MIN_SCORE)
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId)
    .slice(0, MAX_CAUSES);
}
