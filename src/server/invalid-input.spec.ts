import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { invalidInput } from './invalid-input.js';

const Body = z.strictObject({
  name: z.string(),
  kind: z.enum(['a', 'b']),
  list: z.array(z.object({ size: z.number() })).default([]),
});
const said = (body: unknown) => {
  const { message, field, code, status } = invalidInput(Body.safeParse(body).error!.issues);
  return { message, field, code, status };
};

describe('invalidInput', () => {
  it.each([
    [{ kind: 'a' }, 'name', 'name: is missing, expected string'],
    [{ name: 1, kind: 'a' }, 'name', 'name: must be string, received number'],
    [{ name: 'x', kind: 'c' }, 'kind', 'kind: must be one of "a"|"b"'],
    [{ name: 'x', kind: 'a', list: [{ size: 1 }, {}] }, 'list.1.size', 'list.1.size: is missing, expected number'],
    [{ name: 'x', kind: 'a', nmae: 1, b: 2 }, 'nmae', 'nmae: is not known here (and 1 more)'],
    [{}, 'name', 'name: is missing, expected string (and 1 more)'],
    [[], undefined, 'the input must be object, received array'],
    [undefined, undefined, 'the input is missing, expected object'],
  ])('%j: names the field and says what is wrong with it', (body, field, message) => {
    expect(said(body)).toEqual({ code: 'invalid_input', status: 400, field, message });
  });
});
