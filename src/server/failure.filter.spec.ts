import { describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { Rejected, Unavailable } from '../model/failure.js';
import { answerFor } from './failure.filter.js';

const withCode = (code: string, more: object = {}) => Object.assign(new Error('secret detail'), { code, ...more });
const fromQuery = (cause: Error) => new QueryFailedError('select secret', [], cause);

describe('answerFor', () => {
  it.each([
    {
      name: 'a rejection, with its field',
      error: new Rejected('name_taken', 'there is one', 409, 'name'),
      expected: { status: 409, code: 'name_taken', message: 'there is one', field: 'name' },
    },
    {
      name: 'something unavailable, with the time to wait',
      error: new Unavailable('later', 7),
      expected: { status: 503, code: 'unavailable', message: 'later', retryAfterS: 7 },
    },
    {
      name: 'too much at once',
      error: new Unavailable('slower', 2, { status: 429 }),
      expected: { status: 429, code: 'too_many_requests', message: 'slower', retryAfterS: 2 },
    },
    {
      name: 'an unknown route',
      error: new NotFoundException('Cannot GET /x'),
      expected: { status: 404, code: 'not_found', message: 'there is no GET /x; /api/docs lists what there is' },
    },
    {
      name: 'a body that is too long',
      error: withCode('FST_ERR_CTP_BODY_TOO_LARGE', { statusCode: 413 }),
      expected: { status: 413, code: 'too_large', message: 'secret detail' },
    },
    ...[
      withCode('ECONNREFUSED'),
      withCode('57P01'),
      fromQuery(withCode('53300')),
      fromQuery(new Error('cut')),
      new AggregateError([withCode('ECONNREFUSED')]),
    ].map((error) => ({
      name: `the database away (${error.message})`,
      error,
      expected: { status: 503, code: 'unavailable', retryAfterS: 5 },
    })),
  ])('$name', ({ error, expected }) => {
    expect(answerFor(error)).toMatchObject(expected);
  });

  it.each([
    { name: 'a bug', error: new TypeError('x is undefined') },
    { name: 'a query that is wrong', error: fromQuery(withCode('42703')) },
    { name: 'an error of another library that bears a status', error: withCode('UPSTREAM', { statusCode: 404 }) },
    { name: 'a thrown text', error: 'oops' },
  ])('says nothing of $name', ({ error }) => {
    expect(answerFor(error)).toBeNull();
  });
});
