import { createServer } from 'node:net';

/** A free TCP port on the loopback address: the wanted one, 0 if that is taken; any free one if none is wanted. */
export async function freePort(wanted = 0) {
  try {
    const [port] = await portsHeldAtOnce([wanted]);
    return port;
  } catch (error) {
    if (wanted) return 0;
    throw error;
  }
}

/** As many free TCP ports on the loopback address, no two alike: each asked for alone, the second may be the first again. */
export function freePorts(count) {
  return portsHeldAtOnce(new Array(count).fill(0));
}

async function portsHeldAtOnce(wanted) {
  const probes = wanted.map(() => createServer());
  try {
    return await Promise.all(
      probes.map(
        (probe, index) =>
          new Promise((resolve, reject) => {
            probe.once('error', reject);
            probe.listen(wanted[index], '127.0.0.1', () => resolve(probe.address().port));
          }),
      ),
    );
  } finally {
    await Promise.all(probes.map((probe) => new Promise((closed) => probe.close(closed))));
  }
}
