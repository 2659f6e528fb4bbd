/** Attributes of a resource that name what was deployed. */
export const VERSION_KEYS: readonly string[] = [
  'service.version',
  'container.image.tag',
  'container.image.tags',
  'faas.version',
  'deployment.id',
  'vcs.ref.head.revision',
  'git.commit.sha',
  'k8s.replicaset.name',
  'app.version',
  'version',
];

/** Attributes of a resource that say where a service runs; noted as versions are. */
export const PLACE_KEYS: readonly string[] = [
  'service.namespace',
  'deployment.environment.name',
  'deployment.environment',
];

/** A version that was seen, with the event times (epoch ms) of the first and last span that it was seen on. */
export interface SeenVersion {
  serviceId: number;
  key: string;
  value: string;
  firstMs: number;
  lastMs: number;
}
