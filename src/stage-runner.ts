import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PIPELINE, type WindowStage } from './pipeline.js';
import { Bell } from './queue/bell.js';
import { atWorkOn, stepsDone } from './stage-costs.js';
import { type Claim, CursorStore } from './store/cursor.store.js';

/** After this long without a sign of life from its owner another worker takes over; a working owner renews it. */
const LEASE_S = 10;
const RENEW_EVERY_MS = 3_000;
/** Steps taken in one transaction when a stage catches up: bounds memory and the work repeated after a crash. */
const MAX_STEPS = 12;
/** Transactions of one job before the bell is rung again, so that tenants take turns. */
const MAX_ROUNDS = 10;

/** What a stage does with a claimed range: load and compute, then return the writes that belong in the cursor's transaction. */
export type StageWork = (claim: Claim) => Promise<(tx: EntityManager) => Promise<void>>;

/** The five lines that every stage shares: claim, load, one pure call, save and mark done in one transaction, ring the next. */
@Injectable()
export class StageRunner {
  private readonly owner = randomUUID();
  private readonly log = new Logger('stage');

  constructor(
    private readonly db: DataSource,
    private readonly cursors: CursorStore,
    private readonly bell: Bell,
  ) {}

  /** Works off what is ready for a tenant. A failure is recorded at the cursor and thrown, so that the queue retries it. */
  async run(stage: WindowStage, tenantId: number, work: StageWork): Promise<void> {
    const spec = PIPELINE.find((each) => each.stage === stage)!;
    let rounds = 0;
    const stopWork = atWorkOn(stage);
    const renewing = setInterval(() => void this.renew(stage, tenantId), RENEW_EVERY_MS);
    try {
      for (; rounds < MAX_ROUNDS; rounds++) {
        const claim = await this.cursors.claim(spec, tenantId, this.owner, LEASE_S, MAX_STEPS);
        if (claim === null) break;
        const save = await work(claim);
        await this.db.transaction(async (tx) => {
          await save(tx);
          await this.cursors.advance(tx, claim, this.owner);
        });
        stepsDone(stage, (claim.toMs - claim.fromMs) / spec.stepMs);
        for (const next of spec.next) await this.bell.ring(next, tenantId);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.warn(`${stage} of tenant ${tenantId} failed and will be repeated: ${message}`);
      await this.cursors.recordFailure(tenantId, stage, this.owner, message);
      throw error;
    } finally {
      clearInterval(renewing);
      stopWork();
    }
    await this.cursors.release(tenantId, stage, this.owner);
    if (rounds === MAX_ROUNDS) await this.bell.ring(stage, tenantId);
  }

  /** A renewal that fails changes nothing: if the lease is lost, moving the cursor fails too. */
  private async renew(stage: WindowStage, tenantId: number): Promise<void> {
    await this.cursors.renew(tenantId, stage, this.owner, LEASE_S).catch(() => undefined);
  }
}
