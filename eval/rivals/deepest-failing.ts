import { byScore, type Rival } from './rival.js';

/** What most tracing products point at: the service with most failed spans none of whose children failed. */
export const deepestFailing: Rival = {
  name: 'deepest failing span',
  source: 'failed spans without a failed child, counted by service; needs a status in the spans',
  rank({ traces }) {
    const scores = new Map<number, number>();
    for (const { service, parent, isError } of traces) {
      const hasFailedChild = new Set(parent.filter((up, i) => up !== -1 && isError[i]));
      isError.forEach((failed, i) => {
        if (failed && !hasFailedChild.has(i)) scores.set(service[i]!, (scores.get(service[i]!) ?? 0) + 1);
      });
    }
    return byScore(scores);
  },
};
