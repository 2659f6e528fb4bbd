import { z } from 'zod';

/** One that is too long is no token of ours, and its page says so. */
export const TokenPath = z.object({ token: z.string() });
export type TokenPath = z.infer<typeof TokenPath>;

/** The form of the page. A name that is no name counts as none given: nobody is kept from acting by it. */
export const ActForm = z.object({
  by: z
    .string()
    .optional()
    .transform((text = '') =>
      text
        .replace(/[\p{C}\p{Z}]+/gu, ' ')
        .trim()
        .slice(0, 200),
    )
    .transform((text) => (text === '' ? 'somebody' : text)),
  choice: z.string().max(20).default(''),
});
export type ActForm = z.infer<typeof ActForm>;
