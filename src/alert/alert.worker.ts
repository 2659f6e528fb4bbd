import { CONFIG, type Config } from '../config.js';
import { correlationViews } from '../model/correlation-view.js';
import { incidentView } from '../model/incident-view.js';
import { Bell } from '../queue/bell.js';
import { Inject, Injectable } from '@nestjs/common';
import { alertId } from '../store/alert.store.js';
import { DecisionStore, type DecisionInput, type Verdict } from '../store/decision.store.js';
import { anomalyAlerts, type Matcher } from './anomaly-alerts.js';
import { decide } from './decide.js';
import { faultOf } from './failure.js';
import { matchIncident } from './match-incident.js';
import type { Match } from './match.js';

/** Job `alert`: decides what every step of an incident does to the alerts of its rules, oldest step of an incident first. */
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
      decided += done;
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
  const usable = anomalyRules.filter((rule) => faultOf(rule) === null);
  const known = new Map<string, Match>();
  const match: Matcher = (rule, incident) => {
    const match = known.get(rule.id) ?? matchOrFail(rule, incident, context);
    known.set(rule.id, match);
    return match;
  };
  return {
    decisions: decide(event, anomalyRules, match),
    transitions: anomalyAlerts(
      event,
      usable,
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

/** A rule that this version cannot make out must not keep the others from being told; `evaluate` says that it is in error. */
function matchOrFail(...[rule, incident, context]: Parameters<typeof matchIncident>): Match {
  if (faultOf(rule) !== null) return 'rule_failed';
  try {
    return matchIncident(rule, incident, context);
  } catch {
    return 'rule_failed';
  }
}
