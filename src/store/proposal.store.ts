import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Proposal, ProposalState } from '../model/feedback.js';
import { epochMs } from './epoch-ms.js';

const COLUMNS = `id, rule_id as "ruleId", rule_epoch as "ruleEpoch", patch, words, evidence, state, ${epochMs('created_at')} as "createdAtMs",
  ${epochMs('decided_at')} as "decidedAtMs", decided_by as "decidedBy"`;
const MOST = 100;

/** A look at a rule that somebody's word asked for. */
export interface ProposalRequest {
  ruleId: string;
  /** As text, so that it can be told whether it was asked for again meanwhile. */
  askedAt: string;
}

/** Proposed changes of rules, at most one open for each, and the looks that are asked for. */
@Injectable()
export class ProposalStore {
  constructor(private readonly db: DataSource) {}

  /** Newest first. */
  async list(tenantId: number, ruleId: string): Promise<Proposal[]> {
    return this.db.query(
      `select ${COLUMNS} from rule_proposals where tenant_id = $1 and rule_id = $2 order by created_at desc, id limit ${MOST}`,
      [tenantId, ruleId],
    );
  }

  async get(tenantId: number, ruleId: string, id: string): Promise<Proposal> {
    const [row]: Proposal[] = await this.db.query(
      `select ${COLUMNS} from rule_proposals where tenant_id = $1 and rule_id = $2 and id = $3`,
      [tenantId, ruleId, id],
    );
    if (row === undefined) throw new Rejected('not_found', `the rule has no proposal ${id}`, 404, 'proposalId');
    return row;
  }

  /** Marks an open one. Throws Rejected 409 when it is not open any more. */
  async decide(
    tenantId: number,
    { id, ruleId }: Pick<Proposal, 'id' | 'ruleId'>,
    state: Exclude<ProposalState, 'open'>,
    by: string,
  ): Promise<Proposal> {
    const [rows]: [Proposal[], number] = await this.db.query(
      `update rule_proposals set state = $4, decided_at = now(), decided_by = $5
        where tenant_id = $1 and rule_id = $2 and id = $3 and state = 'open' returning ${COLUMNS}`,
      [tenantId, ruleId, id, state, by],
    );
    if (rows[0] === undefined)
      throw new Rejected('decided', 'the proposal was decided on, or a newer one took its place', 409);
    return rows[0];
  }

  /** Tenants with rules that are to be looked at. */
  async asked(): Promise<number[]> {
    const rows: { tenant_id: number }[] = await this.db.query(`select distinct tenant_id from proposal_requests`);
    return rows.map((row) => row.tenant_id);
  }

  async nextRequest(tenantId: number): Promise<ProposalRequest | null> {
    const [row]: ProposalRequest[] = await this.db.query(
      `select rule_id as "ruleId", asked_at::text as "askedAt" from proposal_requests where tenant_id = $1 order by asked_at limit 1`,
      [tenantId],
    );
    return row ?? null;
  }

  /** Ends a look; null: nothing is proposed, and what was open stays. One that was asked for again meanwhile is looked at again. */
  async answer(
    tenantId: number,
    { ruleId, askedAt }: ProposalRequest,
    proposal: Pick<Proposal, 'ruleEpoch' | 'patch' | 'words' | 'evidence'> | null,
  ): Promise<void> {
    await this.db.transaction(async (tx) => {
      if (proposal !== null) {
        const { ruleEpoch, patch, words, evidence } = proposal;
        await tx.query(
          `update rule_proposals set state = 'superseded', decided_at = now() where tenant_id = $1 and rule_id = $2 and state = 'open'`,
          [tenantId, ruleId],
        );
        await tx.query(
          `insert into rule_proposals (tenant_id, id, rule_id, rule_epoch, patch, words, evidence, state)
           values ($1, $2, $3, $4, $5, $6, $7, 'open')`,
          [tenantId, randomUUID(), ruleId, ruleEpoch, JSON.stringify(patch), words, JSON.stringify(evidence)],
        );
      }
      await tx.query(
        `delete from proposal_requests where tenant_id = $1 and rule_id = $2 and asked_at = $3::timestamptz`,
        [tenantId, ruleId, askedAt],
      );
    });
  }
}
