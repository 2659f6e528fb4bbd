import { z } from 'zod';

/** Text that people give to things: one line of 1 to `most` characters, nothing that PostgreSQL cannot hold. */
export const line = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    // Written so that every reader of the OpenAPI document understands it.
    .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must not contain control characters');
