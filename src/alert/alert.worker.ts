import { CONFIG, type Config } from '../config.js';
import { correlationViews } from '../model/correlation-view.js';
import { incidentView } from '../model/incident-view.js';
import { Bell } from '../queue/bell.js';
import { Inject, Injectable } from '@nestjs/common';
import { alertId } from '../store/alert.store.js';
import { DecisionStore, type DecisionInput, type Verdict } from '../store/decision.store.js';
import { anomalyAlerts, type Matcher } from './anomaly-alerts.js';
import { decide } from './decide.js';
import { matchIncident } from './match-incident.js';

/** Job `alert`: decides what every step of an incident does to the alerts of its rules, oldest step of an incident first, one transaction a step. */
@Injectable()
export class AlertWorker {
  constructor(
    private readonly decisions: DecisionStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  async run(tenantId: number): Promise<void> {
    let decided = 0;
    for (;;) {
      const done = await this.decisions.decideNext(tenantId, (input) =>
        verdictOn(tenantId, input, this.config.publicUrl),
      );
      if (done === null) break;
      if (done === 'decided') decided++;
    }
    if (decided > 0) await this.bell.ring('route', tenantId);
  }
}

function verdictOn(
  tenantId: number,
  { event, rules, alerts, report, context }: DecisionInput,
  publicUrl: string,
): Verdict {
  const anomalyRules = rules.filter((rule) => rule.type === 'anomaly');
  const match: Matcher = (rule, incident) => {
    try {
      return matchIncident(rule, incident, context);
    } catch {
      // One that this version cannot make out must not keep the others from being told.
      return 'rule_failed';
    }
  };
  return {
    decisions: decide(event, anomalyRules, match),
    transitions: anomalyAlerts(
      event,
      anomalyRules,
      alerts,
      {
        idOf: (ruleId) => alertId(tenantId, ruleId, event.incidentId),
        incidentUrl: `${publicUrl}/api/v1/incidents/${event.incidentId}`,
      },
      match,
    ),
    notice: {
      type: `incident.${event.kind}`,
      timestamp: new Date(event.atMs).toISOString(),
      reason: event.reason,
      incident: { ...incidentView(event.snapshot), ...correlationViews(report) },
    },
  };
}
