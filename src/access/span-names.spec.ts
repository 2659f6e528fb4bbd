import { expect, it } from '@jest/globals';
import { tryNormalising } from './span-names.js';

it('says how many operations remain, and what becomes what, most merged first', () => {
  const of = (kind: number, ...names: string[]) => names.map((name) => ({ kind, name }));
  expect(
    tryNormalising([
      ...of(2, 'GET /users/1', 'GET /users/2', 'GET /users/3', 'GET /cart', 'GET /users/{n}', '__overflow__'),
      ...of(3, 'GET /users/1', 'job 12345'),
    ]),
  ).toEqual({
    operations: 8,
    remaining: 5,
    renamed: 5,
    groups: [
      {
        name: 'GET /users/{n}',
        operations: 4,
        examples: ['GET /users/1', 'GET /users/2', 'GET /users/3', 'GET /users/{n}'],
      },
      { name: 'GET /users/{n}', operations: 1, examples: ['GET /users/1'] },
      { name: 'job {n}', operations: 1, examples: ['job 12345'] },
    ],
  });
});
