import { z } from 'zod';
import { serviceOfPod } from './span-files.js';

/** A labelled fault. Used for the table after a replay and for nothing else. */
export interface Fault {
  service: string;
  type: string;
  startMs: number;
  endMs: number;
}

const DEFAULT_LENGTH_MS = 180_000;

const ownLabels = z.array(
  z.object({ start: z.iso.datetime(), end: z.iso.datetime(), service: z.string(), type: z.string() }),
);
const nezhaLabels = z.array(
  z.object({
    // UTC. The file also has `inject_timestamp`, which is hours off for Train Ticket.
    inject_time: z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    inject_pod: z.string(),
    inject_type: z.string(),
  }),
);
/** By the hour in Nezha's lists; a plain list will do as well. */
const nezhaLists = z.union([nezhaLabels, z.record(z.string(), nezhaLabels)]);

/** Reads either layout of labels: a list with start, end, service and type, or Nezha's `<day>-fault_list.json` (TraStrainer's `label.json`). Throws on anything else. */
export function parseFaults(json: unknown, file: string): Fault[] {
  const own = ownLabels.safeParse(json);
  if (own.success) {
    return sorted(
      own.data.map(({ start, end, service, type }) => ({
        service,
        type,
        startMs: Date.parse(start),
        endMs: Date.parse(end),
      })),
    );
  }
  const nezha = nezhaLists.safeParse(json);
  if (!nezha.success) {
    throw new Error(
      `${file} is not a list of faults: it is neither [{start, end, service, type}] nor a fault list of the Nezha repository`,
    );
  }
  return sorted(
    Object.values(nezha.data)
      .flat()
      .map((fault) => {
        const startMs = Date.parse(`${fault.inject_time.replace(' ', 'T')}Z`);
        return {
          service: serviceOfPod(fault.inject_pod),
          type: fault.inject_type,
          startMs,
          endMs: startMs + DEFAULT_LENGTH_MS,
        };
      }),
  );
}

function sorted(faults: Fault[]): Fault[] {
  return faults.sort((a, b) => a.startMs - b.startMs);
}
