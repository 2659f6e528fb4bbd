import { z } from 'zod';
import type { Inhibition } from '../model/routing.js';
import { line } from '../text-line.js';
import { LabelName, Matchers, MatcherView } from './matcher-contract.js';
import { matcherText } from './matcher.js';

export const InhibitionInput = z
  .strictObject({
    name: line(100),
    source: Matchers.describe('While an alert that matches these fires …'),
    target: Matchers.describe('… alerts that match these are not told …'),
    equal: z.array(LabelName).max(50).default([]).describe('… when these labels have the same values.'),
  })
  .meta({ id: 'InhibitionInput' });
export type InhibitionInput = z.infer<typeof InhibitionInput>;
export const InhibitionView = z
  .object({
    id: z.guid(),
    name: z.string(),
    source: z.array(MatcherView),
    target: z.array(MatcherView),
    equal: z.array(z.string()),
  })
  .meta({ id: 'Inhibition' });
export type InhibitionView = z.infer<typeof InhibitionView>;
export const InhibitionList = z.object({ inhibitions: z.array(InhibitionView) }).meta({ id: 'InhibitionList' });
export type InhibitionList = z.infer<typeof InhibitionList>;

export function inhibitionView({ id, name, source, target, equal }: Inhibition): InhibitionView {
  return { id, name, source: source.map(matcherText), target: target.map(matcherText), equal };
}
