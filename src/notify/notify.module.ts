import { Inject, Logger, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AccessService } from '../access/access.service.js';
import { CONFIG, type Config } from '../config.js';
import { WorkerHost } from '../queue/worker-host.js';
import { ChannelStore } from '../store/channel.store.js';
import { allowedRanges } from './address.js';
import { ChannelsController } from './channels.controller.js';
import { DeliveriesController } from './deliveries.controller.js';
import { Egress } from './egress.js';
import { NotifyWorker } from './notify.worker.js';
import { Senders } from './senders.js';
import { Surroundings } from './surroundings.js';

/** Tells people, through channels. */
@Module({
  controllers: [ChannelsController, DeliveriesController],
  providers: [
    {
      provide: Egress,
      inject: [CONFIG, AccessService],
      useFactory: openEgress,
    },
    {
      provide: Senders,
      inject: [Egress, CONFIG],
      useFactory: (egress: Egress, config: Config) => new Senders(egress, config.publicUrl),
    },
    Surroundings,
    NotifyWorker,
  ],
})
export class NotifyModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    host: WorkerHost,
    worker: NotifyWorker,
    private readonly egress: Egress,
    private readonly channels: ChannelStore,
    @Inject(CONFIG) private readonly config: Pick<Config, 'previousSecretKeys'>,
  ) {
    host.handle('notify', (tenantId) => worker.run(tenantId));
  }

  /** What a previous key sealed is sealed with the one at hand, so that the previous one can be forgotten. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.previousSecretKeys.length === 0) return;
    const resealed = await this.channels.reseal();
    new Logger('Notify').log(`sealed ${resealed} channels again with the key at hand (TRACEHOUND_SECRET_KEY)`);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.egress.close();
  }
}

/** What may be reached is settled at start: a first key that is made later closes loopback at the next start. */
async function openEgress(config: Config, access: AccessService): Promise<Egress> {
  const isOpenToThisMachineOnly = config.listen.loopbackOnly && !(await access.needsKey());
  const ranges = allowedRanges(config.outbound, isOpenToThisMachineOnly);
  const also = ranges.length === 0 ? 'public addresses only' : `public addresses and ${ranges.join(', ')}`;
  new Logger('Notify').log(`messages may go to ${also} (OUTBOUND_ALLOW)`);
  return new Egress(ranges, config.outbound.timeoutMs);
}
