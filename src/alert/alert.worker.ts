import { correlationViews } from '../model/correlation-view.js';
import { incidentView } from '../model/incident-view.js';
import { Bell } from '../queue/bell.js';
import { Inject, Injectable } from '@nestjs/common';
import { DecisionStore, type DecisionInput, type Verdict } from '../store/decision.store.js';
import { decide } from './decide.js';

/** Job `alert`: decides who is told of every step of an incident, oldest step of an incident first, one transaction a step. */
@Injectable()
export class AlertWorker {
  constructor(
    private readonly decisions: DecisionStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  async run(tenantId: number): Promise<void> {
    let decided = 0;
    for (;;) {
      const done = await this.decisions.decideNext(tenantId, verdictOn);
      if (done === null) break;
      if (done === 'decided') decided++;
    }
    if (decided > 0) await this.bell.ring('notify', tenantId);
  }
}

function verdictOn({ event, rules, earlier, enabledChannelIds, report }: DecisionInput): Verdict {
  return {
    decisions: decide(event, rules, earlier, enabledChannelIds),
    notice: {
      type: `incident.${event.kind}`,
      timestamp: new Date(event.atMs).toISOString(),
      reason: event.reason,
      incident: { ...incidentView(event.snapshot), ...correlationViews(report) },
    },
  };
}
