import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import {
  type DayHours,
  FIGURES,
  hourOfWeek,
  type HourSeen,
  seasonKey,
  type Seasons,
  type WeekHour,
} from '../model/season.js';
import { floorHour, HOUR_MS } from '../model/window.js';

/** What the hours of the week are like, as one row an operation and hour of the day. */
@Injectable()
export class SeasonStore {
  /** The zone by whose clocks the people behind the traffic live. */
  readonly timeZone: string;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.timeZone = config.timeZone;
  }

  /** Everything known of these operations (else of all) in the hours of the day that the time from `fromMs` to `toMs` touches. */
  async load(tenantId: number, fromMs: number, toMs: number, operationIds?: Iterable<number>): Promise<Seasons> {
    const hours = new Set<number>();
    // Zones differ by quarters of an hour, so an hour may begin at each.
    for (let atMs = floorHour(fromMs); atMs < toMs; atMs += HOUR_MS / 4)
      hours.add(hourOfWeek(atMs, this.timeZone).hour);
    const rows = await this.db.query<{ operation_id: number; hour: number; days: PackedDay[] }[]>(
      `select operation_id, hour, days from seasons 
        where tenant_id = $1 and hour = any($2::int2[]) and ($3::int4[] is null or operation_id = any($3))`,
      [tenantId, [...hours], operationIds === undefined ? null : [...operationIds]],
    );
    return new Map(rows.map((row) => [seasonKey(row.operation_id, row.hour), row.days.map((day) => unpacked(day))]));
  }

  /** Writes those that changed. */
  async save(tx: EntityManager, tenantId: number, seasons: Seasons, changed: ReadonlySet<string>): Promise<void> {
    const keys = [...changed];
    if (keys.length === 0) return;
    const ends = keys.map((key) => key.split('@').map(Number) as [number, number]);
    await tx.query(
      `insert into seasons (tenant_id, operation_id, hour, days)
       select $1, * from unnest($2::int4[], $3::int2[], $4::jsonb[])
       on conflict (operation_id, hour) do update set days = excluded.days`,
      [
        tenantId,
        ends.map(([operationId]) => operationId),
        ends.map(([, hour]) => hour),
        keys.map((key) => JSON.stringify(seasons.get(key)!.map((day) => packed(day)))),
      ],
    );
  }
}

/** Start, weeks, and the figures of the hour under way and of those before it. */
type PackedDay = [startMs: number, weeks: number, now: number[], past: number[] | null] | null;

function packed(hour: DayHours[number]): PackedDay {
  if (hour === null) return null;
  const figures = (seen: HourSeen): number[] => FIGURES.map((name) => Number(seen[name].toPrecision(4)));
  return [hour.startMs, hour.weeks, figures(hour.now), hour.past && figures(hour.past)];
}

function unpacked(day: PackedDay): WeekHour | null {
  if (day === null) return null;
  const [startMs, weeks, now, past] = day;
  const seen = (figures: number[]): HourSeen => ({
    leastN: figures[0] ?? 0,
    mostN: figures[1] ?? 0,
    p50Us: figures[2] ?? 0,
    p90Us: figures[3] ?? 0,
    selfP90Us: figures[4] ?? 0,
    errorRatio: figures[5] ?? 0,
  });
  return { startMs, weeks, now: seen(now), past: past && seen(past) };
}
