/** One connection: a pg client, or TypeORM's own. */
export interface SchemaSource {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
}
export function dumpSchema(source: SchemaSource): Promise<string>;
