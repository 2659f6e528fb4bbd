import type { Finding } from '../model/anomaly.js';

/**
 * False discovery control over all series of a window: of the findings whose own guards let them pass, keeps raised those that the
 * Benjamini-Yekutieli procedure (Annals of Statistics 29, 2001) rejects at `rate`; it holds whatever the dependence between series.
 * `tests` is the number of series looked at. Those that fall short become `not_significant`.
 */
export function controlDiscoveries(findings: readonly Finding[], tests: number, rate: number): Finding[] {
  const raised = findings.filter((finding) => finding.raised).sort((a, b) => b.score - a.score);
  const needed = scoreNeeded(Math.max(tests, raised.length), rate);
  let threshold = Infinity;
  raised.forEach((finding, i) => {
    if (finding.score >= needed - Math.log10(i + 1)) threshold = finding.score;
  });
  return findings.map((finding) =>
    finding.raised && finding.score < threshold ? { ...finding, raised: false, reason: 'not_significant' } : finding,
  );
}

/** Score that a lone discovery among `tests` series must reach: -log10(rate / (m H_m)), H_m the harmonic number. */
function scoreNeeded(tests: number, rate: number): number {
  const m = Math.max(1, tests);
  const harmonic = Math.log(m) + 0.5772 + 1 / (2 * m);
  return Math.log10((m * Math.max(1, harmonic)) / rate);
}
