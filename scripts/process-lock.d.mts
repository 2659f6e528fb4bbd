export class LockHeldError extends Error {
  readonly pid: number;
}
export function processIdentity(pid: number): string | null;
export function takeLock(file: string): () => void;
