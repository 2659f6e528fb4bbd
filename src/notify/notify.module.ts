import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AccessService } from '../access/access.service.js';
import { CONFIG, type Config } from '../config.js';
import { WorkerHost } from '../queue/worker-host.js';
import { allowedRanges } from './address.js';
import { ChannelsController } from './channels.controller.js';
import { Egress } from './egress.js';
import { NotifyWorker } from './notify.worker.js';
import { Senders } from './senders.js';
import { SlackChannel } from './slack.channel.js';
import { WebhookChannel } from './webhook.channel.js';

/** Tells people, through channels. */
@Module({
  controllers: [ChannelsController],
  providers: [
    {
      provide: Egress,
      inject: [CONFIG, AccessService],
      useFactory: openEgress,
    },
    {
      provide: Senders,
      inject: [Egress],
      useFactory: (egress: Egress) =>
        new Senders({ webhook: new WebhookChannel(egress), slack: new SlackChannel(egress) }),
    },
    NotifyWorker,
  ],
})
export class NotifyModule implements OnApplicationShutdown {
  constructor(
    host: WorkerHost,
    worker: NotifyWorker,
    private readonly egress: Egress,
  ) {
    host.handle('notify', (tenantId) => worker.run(tenantId));
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
  return new Egress(ranges);
}
