import type { Routing } from '../model/routing.js';
import { INCIDENT_LABEL } from './tree.js';

/** The receiver of the tree that nobody made: every channel. */
export const EVERYBODY = 'everybody';

/**
 * What holds for a tenant that made no tree. An incident is a group already, so it is told at once when it opens and when it ends; other
 * alerts wait one window for their brothers and are told at most once a minute.
 */
export const DEFAULT_ROUTING: Routing = {
  version: 0,
  receivers: [{ name: EVERYBODY, channelIds: null, sendResolved: true }],
  route: {
    receiver: EVERYBODY,
    matchers: [],
    continue: false,
    groupBy: ['alertname'],
    groupWaitS: 10,
    groupIntervalS: 60,
    repeatIntervalS: 4 * 3_600,
    tellEscalations: false,
    escalateAfterS: null,
    escalateTo: null,
    muteFrequent: { times: 10, withinS: 7 * 86_400, forS: 86_400 },
    muteTimes: [],
    activeTimes: [],
    routes: [
      {
        matchers: [{ name: INCIDENT_LABEL, operator: '!=', value: '' }],
        continue: false,
        groupBy: [INCIDENT_LABEL],
        groupWaitS: 0,
        groupIntervalS: 0,
        routes: [],
      },
    ],
  },
};
