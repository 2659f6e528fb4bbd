/** A result from a paper: shares in percent that the true service is among the first 1, 3 and 5, the time of injection being given. */
export interface PublishedResult {
  name: string;
  as: readonly [number, number, number];
}

interface PublishedSet {
  system: string;
  /** Faults of the whole data set, of which a recording here may hold only one day. */
  faults: number;
  isOf: (dataset: string) => boolean;
  results: readonly PublishedResult[];
}

/** As given in Yu et al., "Nezha: Interpretable Fine-Grained Root Causes Analysis for Microservices on Multi-modal Observability Data" (FSE 2023). */
const SETS: readonly PublishedSet[] = [
  {
    system: 'Online Boutique',
    faults: 56,
    isOf: (dataset) => /online-boutique|2022-08-2[23]/.test(dataset),
    results: [
      { name: 'MicroRank (spans)', as: [41.1, 48.2, 62.5] },
      { name: 'TraceAnomaly (spans)', as: [30.4, 33.9, 48.2] },
      { name: 'MicroRCA (metrics)', as: [16.1, 62.5, 92.8] },
      { name: 'PDiagnose (logs, metrics, spans)', as: [41.1, 73.2, 82.1] },
      { name: 'Nezha (spans)', as: [14.3, 17.9, 17.9] },
      { name: 'Nezha (logs, metrics, spans)', as: [92.9, 96.4, 96.4] },
    ],
  },
  {
    system: 'Train Ticket',
    faults: 45,
    isOf: (dataset) => /train-ticket|2023-01-(29|30)/.test(dataset),
    results: [
      { name: 'MicroRank (spans)', as: [15.6, 24.4, 35.6] },
      { name: 'TraceAnomaly (spans)', as: [13.3, 28.9, 33.3] },
      { name: 'MicroRCA (metrics)', as: [20.0, 31.1, 44.4] },
      { name: 'PDiagnose (logs, metrics, spans)', as: [8.9, 13.3, 22.2] },
      { name: 'Nezha (spans)', as: [6.7, 8.9, 11.1] },
      { name: 'Nezha (spans, logs)', as: [55.6, 62.2, 68.9] },
      { name: 'Nezha (logs, metrics, spans)', as: [86.7, 97.8, 97.8] },
    ],
  },
];

/** What was published on the data set that a recording is a part of, or null. */
export function publishedFor(dataset: string): Omit<PublishedSet, 'isOf'> | null {
  return SETS.find(({ isOf }) => isOf(dataset)) ?? null;
}
