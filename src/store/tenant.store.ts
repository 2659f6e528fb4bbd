import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Rejected } from '../model/failure.js';
import { isUniqueViolation } from './sql-state.js';

/** The tenant `default`, made by the first migration: the one of requests without a key, and whose admins manage the others. */
export const DEFAULT_TENANT_ID = 1;

export interface Tenant {
  id: number;
  name: string;
  createdAt: Date;
}

interface Row {
  id: number;
  name: string;
  created_at: Date;
}

@Injectable()
export class TenantStore {
  constructor(private readonly db: DataSource) {}

  /** All tenants, oldest first. */
  async list(): Promise<Tenant[]> {
    const rows: Row[] = await this.db.query(`select * from tenants order by id`);
    return rows.map(toTenant);
  }

  async find(id: number): Promise<Tenant | null> {
    const [row]: Row[] = await this.db.query(`select * from tenants where id = $1`, [id]);
    return row ? toTenant(row) : null;
  }

  async findByName(name: string): Promise<Tenant | null> {
    const [row]: Row[] = await this.db.query(`select * from tenants where name = $1`, [name]);
    return row ? toTenant(row) : null;
  }

  /** Throws Rejected 409 for a name in use. */
  async create(name: string): Promise<Tenant> {
    try {
      const [row]: [Row] = await this.db.query(`insert into tenants (name) values ($1) returning *`, [name]);
      return toTenant(row);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new Rejected('name_taken', `there is a tenant ${JSON.stringify(name)} already`, 409, 'name');
    }
  }
}

function toTenant({ id, name, created_at }: Row): Tenant {
  return { id, name, createdAt: created_at };
}
