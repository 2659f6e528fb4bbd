import { z } from 'zod';

export const IdPath = z.strictObject({ id: z.guid() });
export type IdPath = z.infer<typeof IdPath>;
