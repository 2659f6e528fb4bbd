import { z } from 'zod';
import { MATCH_OPERATORS, type Matcher } from '../model/routing.js';
import { line } from '../text-line.js';
import { MAX_MATCHER_LENGTH, MatcherError, parseMatcher } from './parse-matcher.js';

export const LabelName = line(200);

const MatcherText = z
  .string()
  .max(MAX_MATCHER_LENGTH)
  .transform((text, context): Matcher => {
    try {
      return parseMatcher(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof MatcherError ? error.message : 'is no matcher' });
      return z.NEVER;
    }
  });
export const MatcherView = z
  .string()
  .describe(
    `\`name="value"\` with one of ${MATCH_OPERATORS.join(' ')}; patterns are RE2 and match the whole value. A label that is missing is empty.`,
  );
export const Matchers = z
  .array(MatcherText)
  .max(50)
  .meta({ description: 'All have to match, as in Alertmanager: `severity="critical"`, `team=~"db|cache"`.' });
