/** What processes cost, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_A_SECOND = 100;

/** CPU seconds a process has used so far, its threads included; 0 when it is gone. */
export function cpuS(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND : 0;
}

/** CPU seconds of a process, of what it has waited for, and of its children that run. */
export function familyCpuS(pid: number): number {
  const fields = statOf(pid);
  if (!fields) return 0;
  const own = [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / TICKS_A_SECOND;
  return childrenOf(pid).reduce((sum, child) => sum + cpuS(child), own);
}

/** MiB of memory resident now. */
export function rssMib(pid: number): number {
  return statusMib(pid, 'VmRSS');
}

/** The most MiB that were resident at any time. */
export function peakRssMib(pid: number): number {
  return statusMib(pid, 'VmHWM');
}

function statusMib(pid: number, field: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => Number(statOf(each)?.[1]) === pid);
}

/** Fields of /proc/PID/stat from the state on; the name before may hold spaces. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
