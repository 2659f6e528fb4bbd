export function freePort(wanted?: number): Promise<number>;
export function freePorts(count: number): Promise<number[]>;
