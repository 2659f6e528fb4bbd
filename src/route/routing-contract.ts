import { z } from 'zod';
import type { Route, Routing } from '../model/routing.js';
import { line } from '../text-line.js';
import { LabelName, Matchers, MatcherView } from './matcher-contract.js';
import { matcherText } from './matcher.js';

const MAX_DEPTH = 10;
const MAX_ROUTES = 500;
const DAY_S = 86_400;

const Name = line(100);

const settings = {
  receiver: Name.optional(),
  groupBy: z
    .array(LabelName)
    .max(50)
    .optional()
    .describe('Labels that alerts of one message share; `...`: all, `incident`: the incident.'),
  groupWaitS: z.number().min(0).max(DAY_S).optional().describe('How long a new group waits for more alerts.'),
  groupIntervalS: z
    .number()
    .min(0)
    .max(DAY_S)
    .optional()
    .describe('The least time between two messages about a group; 0: each change at once.'),
  repeatIntervalS: z
    .number()
    .min(1)
    .max(366 * DAY_S)
    .optional()
    .describe('When what still fires is told again.'),
  tellEscalations: z.boolean().optional().describe('Whether a higher severity of what was told is told.'),
  escalateAfterS: z
    .number()
    .min(1)
    .max(30 * DAY_S)
    .nullable()
    .optional()
    .describe('When nobody acknowledges for so long, `escalateTo` is told too.'),
  escalateTo: Name.nullable().optional(),
  muteFrequent: z
    .strictObject({
      times: z.int().min(2).max(1_000).describe('Episodes; begins within ten minutes are one.'),
      withinS: z
        .number()
        .min(3_600)
        .max(30 * DAY_S),
      forS: z
        .number()
        .min(600)
        .max(30 * DAY_S),
    })
    .nullable()
    .optional()
    .describe(
      'When an alert of a rule that keeps coming back is told once more and then muted; what is clearly worse is told. Null: never.',
    ),
  muteTimes: z.array(Name).max(20).optional(),
  activeTimes: z.array(Name).max(20).optional(),
};

type RouteIn = Omit<Route, 'routes'> & { routes: RouteIn[] };
const RouteInput: z.ZodType<RouteIn, unknown> = z
  .strictObject({
    ...settings,
    matchers: Matchers.default([]),
    continue: z.boolean().default(false).describe('Whether the routes after this one are asked too.'),
    get routes() {
      return z.array(RouteInput).max(100).default([]);
    },
  })
  .transform(({ ...route }) => present(route) as unknown as RouteIn)
  .meta({ id: 'RouteInput' });

const ReceiverInput = z.strictObject({
  name: Name,
  channelIds: z
    .array(z.guid())
    .max(100)
    .nullable()
    .default(null)
    .describe('Null: every channel, also those added later.'),
  sendResolved: z.boolean().default(true),
});

export const RoutingInput = z
  .strictObject({
    receivers: z.array(ReceiverInput).min(1).max(200),
    route: z
      .strictObject({
        ...settings,
        receiver: Name,
        groupBy: z.array(LabelName).max(50).default(['alertname']),
        groupWaitS: settings.groupWaitS.default(30),
        groupIntervalS: settings.groupIntervalS.default(300),
        repeatIntervalS: settings.repeatIntervalS.default(4 * 3_600),
        tellEscalations: z.boolean().default(true),
        escalateAfterS: settings.escalateAfterS.default(null),
        escalateTo: Name.nullable().default(null),
        muteTimes: z.array(Name).max(20).default([]),
        activeTimes: z.array(Name).max(20).default([]),
        routes: z.array(RouteInput).max(100).default([]),
      })
      .describe('The root takes every alert and settles what the routes below leave out.'),
  })
  .superRefine((input, context) => {
    const say = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const names = input.receivers.map(({ name }) => name);
    names.forEach((name, index) => {
      if (names.indexOf(name) !== index) say(['receivers', index, 'name'], `there are two receivers named ${name}`);
    });
    let count = 0;
    const visit = (route: Partial<RouteIn>, path: (string | number)[], depth: number) => {
      count++;
      if (depth > MAX_DEPTH) return say(path, `routes may lie ${MAX_DEPTH} deep`);
      if (route.receiver !== undefined && !names.includes(route.receiver)) {
        say([...path, 'receiver'], `there is no receiver named ${route.receiver}`);
      }
      if (route.escalateTo != null && !names.includes(route.escalateTo)) {
        say([...path, 'escalateTo'], `there is no receiver named ${route.escalateTo}`);
      }
      route.routes?.forEach((child, index) => visit(child, [...path, 'routes', index], depth + 1));
    };
    visit(input.route, ['route'], 1);
    if (count > MAX_ROUTES) say(['route'], `a tree may have ${MAX_ROUTES} routes`);
  })
  .meta({ id: 'RoutingInput' });
export type RoutingInput = z.infer<typeof RoutingInput>;

const viewedSettings = {
  ...settings,
  matchers: z.array(MatcherView),
  continue: z.boolean(),
};
type RouteView = Omit<Route, 'routes' | 'matchers'> & { matchers: string[]; routes: RouteView[] };
const RouteView: z.ZodType<RouteView, unknown> = z
  .object({
    ...viewedSettings,
    get routes() {
      return z.array(RouteView);
    },
  })
  .meta({ id: 'Route' });

export const RoutingView = z
  .object({
    version: z.int().describe('The ETag; 0 while nobody has made a tree.'),
    receivers: z.array(
      z.object({ name: z.string(), channelIds: z.array(z.guid()).nullable(), sendResolved: z.boolean() }),
    ),
    route: RouteView,
  })
  .meta({ id: 'Routing' });
export type RoutingView = z.infer<typeof RoutingView>;

export function routingView({ version, receivers, route }: Routing): RoutingView {
  return { version, receivers, route: routeView(route) };
}

function routeView({ matchers, routes, ...route }: Route): RouteView {
  return { ...route, matchers: matchers.map(matcherText), routes: routes.map(routeView) };
}

/** The tree as it is kept. */
export function routingOf({ receivers, route }: RoutingInput): Omit<Routing, 'version'> {
  return { receivers, route: { ...route, matchers: [], continue: false } };
}

function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
