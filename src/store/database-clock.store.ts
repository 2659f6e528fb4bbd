import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** The clock that routing goes by: every process asks the same one, however wrong its own is. */
@Injectable()
export class DatabaseClock {
  constructor(private readonly db: DataSource) {}

  /** Epoch milliseconds. */
  nowMs(): Promise<number> {
    return databaseNowMs(this.db);
  }
}

/** The time by the database's clock, also after a lock was waited for; epoch milliseconds. */
export async function databaseNowMs(db: Pick<EntityManager, 'query'>): Promise<number> {
  const [row]: { at: Date }[] = await db.query(`select clock_timestamp() as at`);
  return row!.at.getTime();
}
