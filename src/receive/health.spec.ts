import { describe, expect, it } from '@jest/globals';
import { ingestHealth } from './health.js';

const ok = (): Promise<void> => Promise.resolve();
const broken = (): Promise<void> => Promise.reject(new Error('away'));

describe('ingestHealth', () => {
  const table = [
    { name: 'both answer', database: ok, queue: ok, status: 'ok', queueIs: 'ok' },
    {
      name: 'the queue is away: spans can still be stored',
      database: ok,
      queue: broken,
      status: 'ok',
      queueIs: 'unavailable',
    },
    { name: 'the database is away', database: broken, queue: ok, status: 'unavailable', queueIs: 'ok' },
    { name: 'both are away', database: broken, queue: broken, status: 'unavailable', queueIs: 'unavailable' },
  ];
  it.each(table)('$name', async ({ database, queue, status, queueIs }) => {
    expect(await ingestHealth(database(), queue())).toMatchObject({
      status,
      checks: { database: status, queue: queueIs },
    });
  });

  it('listens to both pings at once: one that fails while the other is slow would end the process unheard', async () => {
    let answer = (): void => undefined;
    const slow = new Promise<void>((resolve) => (answer = resolve));
    const queue = ok();
    let isHeard = false;
    const then = queue.then.bind(queue);
    queue.then = ((...handlers: Parameters<typeof then>) => {
      isHeard = true;
      return then(...handlers);
    }) as typeof queue.then;
    const health = ingestHealth(slow, queue);
    expect(isHeard).toBe(true);
    answer();
    expect((await health).status).toBe('ok');
  });
});
