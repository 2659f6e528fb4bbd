import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { invalidInput } from './invalid-input.js';

const Body = z.strictObject({
  name: z.string(),
  kind: z.enum(['a', 'b']),
  list: z
    .array(z.object({ size: z.number() }))
    .max(2)
    .default([]),
  labels: z.record(z.string().regex(/^[a-z]+$/, 'must be letters'), z.string()).default({}),
});
const said = (body: unknown) => {
  const { message, field, code, status } = invalidInput(Body.safeParse(body).error!.issues);
  return { message, field, code, status };
};

const More = z.object({
  at: z.iso.datetime().default('2026-03-01T12:00:00Z'),
  to: z.email().default('a@b.example'),
  share: z.number().min(0).lt(1).default(0),
  names: z.array(z.string()).min(1).default(['a']),
  own: z
    .string()
    .refine((text) => text !== 'x', 'expected anything but x')
    .default(''),
  rule: z.discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]).default({
    type: 'a',
  }),
});

describe('invalidInput', () => {
  it.each([
    [{ at: 'now' }, 'at: must be an ISO 8601 time with a zone, such as 2026-03-01T12:00:00Z'],
    [{ to: 'nobody' }, 'to: must be an e-mail address such as oncall@example.com'],
    [{ share: 99.9 }, 'share: must be <1'],
    [{ names: [] }, 'names: must have >=1 items'],
    [{ own: 'x' }, 'own: expected anything but x'],
    [{ rule: { type: 'c' } }, "rule.type: must be one of 'a' | 'b'"],
  ])('%j: says what may be sent', (body, message) => {
    expect(invalidInput(More.safeParse(body).error!.issues).message).toBe(message);
  });

  it.each([
    [{ kind: 'a' }, 'name', 'name: is missing, expected string'],
    [{ name: 1, kind: 'a' }, 'name', 'name: must be string, received number'],
    [{ name: 'x', kind: 'c' }, 'kind', 'kind: must be one of "a"|"b"'],
    [{ name: 'x', kind: 'a', list: [{ size: 1 }, {}] }, 'list.1.size', 'list.1.size: is missing, expected number'],
    [{ name: 'x', kind: 'a', nmae: 1, b: 2 }, 'nmae', 'nmae: is not known here (and 1 more)'],
    [{}, 'name', 'name: is missing, expected string (and 1 more)'],
    [{ name: 'x', kind: 'a', labels: { 'a-b': 'x' } }, 'labels.a-b', 'labels.a-b: must be letters'],
    [{ name: 'x', kind: 'a', list: Array(3).fill({ size: 1 }) }, 'list', 'list: must have <=2 items'],
    [[], undefined, 'the input must be object, received array'],
    [undefined, undefined, 'the input is missing, expected object'],
  ])('%j: names the field and says what is wrong with it', (body, field, message) => {
    expect(said(body)).toEqual({ code: 'invalid_input', status: 400, field, message });
  });
});
