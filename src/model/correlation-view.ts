import type { AttributeName, BadKind, Correlation, CorrelationReport, GoodFrom } from './correlation.js';

/** An attribute value that tells bad traces from good ones, as the API and every message show it; names are as the sender gave them. */
export interface CorrelationView extends Omit<Correlation, 'firstSeenMs'> {
  firstSeenAt: string | null;
}

/** What was compared with what; null when nothing was (yet). */
export interface ComparisonView {
  service: string;
  operation: string;
  bad: BadKind;
  goodFrom: GoodFrom;
  badN: number;
  goodN: number;
  tested: number;
  left: Record<string, number>;
  /** Spans that ended before this instant were looked at. */
  through: string;
}

export interface CorrelationsView {
  compared: ComparisonView | null;
  /** What came of the comparison, or why there was none; null before the first. */
  comparisonReason: string | null;
  correlations: CorrelationView[];
}

/** The one mapping from a report to what is shown. */
export function correlationViews(report: CorrelationReport | null): CorrelationsView {
  if (report?.compared == null) return { compared: null, comparisonReason: report?.reason ?? null, correlations: [] };
  const { service, operation, bad, goodFrom, badN, goodN, tested, left } = report.compared;
  const through = new Date(report.throughMs).toISOString();
  return {
    compared: { service, operation, bad, goodFrom, badN, goodN, tested, left, through },
    comparisonReason: report.reason,
    correlations: report.correlations.map((each) => ({
      ...nameOf(each),
      badShare: each.badShare,
      goodShare: each.goodShare,
      badN: each.badN,
      goodN: each.goodN,
      effect: each.effect,
      oddsRatio: each.oddsRatio,
      q: each.q,
      isSymptom: each.isSymptom,
      firstSeenAt: each.firstSeenMs === null ? null : new Date(each.firstSeenMs).toISOString(),
      isNew: each.isNew,
      alsoAs: each.alsoAs.map(nameOf),
      explainedBy: each.explainedBy,
    })),
  };
}

function nameOf({ scope, service, operation, key, value }: AttributeName): AttributeName {
  return { scope, service, operation, key, value };
}
