/**
 * The `entries` column of `postings`: spans that ended in one window, as one commit brought them. All numbers are little-endian.
 *
 * Of one operation, which is the row's `operation_id`:
 *   u8 version = 1 | u16 segment count | per segment: i64 id, u32 hour (epoch hours) | entries | weights
 * Of several operations that had few spans each (`placeOf`):
 *   u8 version = 2 | u16 segment count | u16 operation count | segments as above | per operation: i32 id, u8 number of entries
 *                  | entries, one operation after another | weights
 *
 *   entries, 32 bytes a span: trace id 16 | u32 span tag | u32 position (segment index << 24 | ordinal in the segment)
 *                             | u32 flags << 24 | end offset in the window, µs | u32 duration
 *   weights, f32 a span: when any span carries FLAG_WEIGHTED
 */
export const VERSION = 1;
export const SHARED_VERSION = 2;
export const HEAD_BYTES = 3;
export const SHARED_HEAD_BYTES = 5;
export const SEGMENT_BYTES = 12;
export const OPERATION_BYTES = 5;
export const ENTRY_BYTES = 32;
export const MAX_U32 = 0xffff_ffff;
export const LOW_24 = 0xff_ffff;

/** The packed duration counts milliseconds: it does not fit in 32 bits of microseconds. */
export const FLAG_MILLISECONDS = 4;
/** The sender stated its sampling probability. */
export const FLAG_WEIGHTED = 8;

/** Where a segment lies: its int8 id in decimal, and the epoch hour of its partition. */
export interface SegmentRef {
  id: string;
  hour: number;
}

/** An operation with fewer spans than this in a window of a commit shares a row with others: a row and its key cost as much as ten entries. */
export const OWN_ROW_SPANS = 8;
/**
 * So many rows share the small operations of a window of a commit. Fewer would be cheaper to write, and reading one operation would read more
 * of the others'.
 */
const SHARED_ROWS = 256;

/** The `operation_id`, below zero, of the row that an operation shares while it has few spans. */
export function sharedPlaceOf(operationId: number): number {
  return -1 - (operationId & (SHARED_ROWS - 1));
}

/** Every `operation_id` under which postings of these operations may lie. */
export function placesOf(operationIds: readonly number[]): number[] {
  return [...operationIds, ...new Set(operationIds.map(sharedPlaceOf))];
}
