import { z } from 'zod';

/** A place in a list, as opaque text for the client. Instants keep microseconds: rounded ones would repeat or skip rows. */
export function encodeCursor(place: Record<string, string | number>): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** A cursor that a client gives back, as the place it stands for; one of another list is refused. */
export function cursorOf<T extends z.ZodType>(place: T) {
  return z
    .string()
    .max(512)
    .transform((text, context): z.output<T> => {
      const parsed = place.safeParse(parseJson(Buffer.from(text, 'base64url').toString('utf8')));
      if (parsed.success) return parsed.data;
      context.addIssue({
        code: 'custom',
        message: 'is not a cursor of this list; use the nextCursor of its last answer',
      });
      return z.NEVER;
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
