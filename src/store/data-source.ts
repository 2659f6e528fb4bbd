import { AnotherCause1763900200000 } from '../../migrations/1763900200000-another-cause.js';
import { DataSource } from 'typeorm';
import { Alerts1763800000000 } from '../../migrations/1763800000000-alerts.js';
import { RuleTypes1763840000000 } from '../../migrations/1763840000000-rule-types.js';
import { Channels1763860000000 } from '../../migrations/1763860000000-channels.js';
import { IncidentActions1763890000000 } from '../../migrations/1763890000000-incident-actions.js';
import { Outliers1763900100000 } from '../../migrations/1763900100000-outliers.js';
import { AlertsInHand1763900300001 } from '../../migrations/1763900300001-alerts-in-hand.js';
import { Links1763900100001 } from '../../migrations/1763900100001-links.js';
import { RuleSource1763900300000 } from '../../migrations/1763900300000-rule-source.js';
import { EndsByTimeout1763901300000 } from '../../migrations/1763901300000-ends-by-timeout.js';
import { UnconcernedRules1763901300001 } from '../../migrations/1763901300001-unconcerned-rules.js';
import { FrequentAlerts1763900400300 } from '../../migrations/1763900400300-frequent-alerts.js';
import { Feedback1763900400200 } from '../../migrations/1763900400200-feedback.js';
import { ResolvedByHand1763900400100 } from '../../migrations/1763900400100-resolved-by-hand.js';
import { ActionLinks1763900400000 } from '../../migrations/1763900400000-action-links.js';
import { SegmentAttributes1763900600000 } from '../../migrations/1763900600000-segment-attributes.js';
import { SetAside1763750000100 } from '../../migrations/1763750000100-set-aside.js';
import { Events1763710000001 } from '../../migrations/1763710000001-events.js';
import { Shapes1763730000000 } from '../../migrations/1763730000000-shapes.js';
import { InstancesAndPaths1763730000001 } from '../../migrations/1763730000001-instances-and-paths.js';
import { Correlations1763750000000 } from '../../migrations/1763750000000-correlations.js';
import { CoarseRollups1763740000000 } from '../../migrations/1763740000000-coarse-rollups.js';
import { FirstAnswer1763770000000 } from '../../migrations/1763770000000-first-answer.js';
import { Incidents1763700300000 } from '../../migrations/1763700300000-incidents.js';
import { Journal1763700100000 } from '../../migrations/1763700100000-journal.js';
import { KeptTraces1763770000300 } from '../../migrations/1763770000300-kept-traces.js';
import { PostingTotals1763771000000 } from '../../migrations/1763771000000-posting-totals.js';
import { Measures1763700200000 } from '../../migrations/1763700200000-measures.js';
import { Weights1763770000200 } from '../../migrations/1763770000200-weights.js';
import { OutsideAlerts1763850000100 } from '../../migrations/1763850000100-outside-alerts.js';
import { Routing1763850000000 } from '../../migrations/1763850000000-routing.js';
import { Seasons1763720000000 } from '../../migrations/1763720000000-seasons.js';
import { LateSpans1763901200001 } from '../../migrations/1763901200001-late-spans.js';
import { TenantSettings1763770000100 } from '../../migrations/1763770000100-tenant-settings.js';
import { HeldKnowledge1763901200000 } from '../../migrations/1763901200000-held-knowledge.js';
import { Tenants1763700000000 } from '../../migrations/1763700000000-tenants.js';

/**
 * The one DataSource of service, tests and tools. `poolSize` counts connections of the coordinator pool (all but the journal's writers).
 * Citus settings are placeholders on plain PostgreSQL and keep migrations valid on a cluster.
 */
export function createDataSource(url: string, poolSize = 10): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    synchronize: false,
    migrations: [
      Tenants1763700000000,
      Journal1763700100000,
      Measures1763700200000,
      Incidents1763700300000,
      Events1763710000001,
      Seasons1763720000000,
      Shapes1763730000000,
      InstancesAndPaths1763730000001,
      Correlations1763750000000,
      SetAside1763750000100,
      CoarseRollups1763740000000,
      FirstAnswer1763770000000,
      TenantSettings1763770000100,
      Weights1763770000200,
      KeptTraces1763770000300,
      PostingTotals1763771000000,
      Alerts1763800000000,
      RuleTypes1763840000000,
      Routing1763850000000,
      OutsideAlerts1763850000100,
      Channels1763860000000,
      IncidentActions1763890000000,
      Outliers1763900100000,
      Links1763900100001,
      RuleSource1763900300000,
      AlertsInHand1763900300001,
      ActionLinks1763900400000,
      AnotherCause1763900200000,
      ResolvedByHand1763900400100,
      Feedback1763900400200,
      SegmentAttributes1763900600000,
      FrequentAlerts1763900400300,
      EndsByTimeout1763901300000,
      UnconcernedRules1763901300001,
      HeldKnowledge1763901200000,
      LateSpans1763901200001,
    ],
    migrationsTransactionMode: 'each',
    applicationName: 'tracehound',
    extra: {
      max: poolSize,
      connectionTimeoutMillis: 5_000,
      options: '-c timezone=UTC -c plan_cache_mode=force_custom_plan -c citus.multi_shard_modify_mode=sequential',
    },
  });
}
