import { z } from 'zod';

/**
 * What all answers of the API are made of. Each answer is a schema (for OpenAPI and tests) and a type (for controllers and tools). Times are ISO 8601
 * in UTC with milliseconds; ids are strings; units stand in the names.
 */

export const Time = z.iso.datetime({ precision: 3 });

export const TraceId = z.string().regex(/^[0-9a-f]{32}$/);

export const Unit = z.enum(['us', 'ratio', 'per_window', 'calls_per_call']);

export const NextCursor = z
  .string()
  .nullable()
  .describe('Pass it as `cursor` for the next page; null on the last page.');
