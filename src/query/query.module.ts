import { Module } from '@nestjs/common';
import { JournalModule } from '../journal/journal.module.js';
import { AlertsController } from './alerts.controller.js';
import { HealthController } from './health.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { LoadController } from './load.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OutliersController } from './outliers.controller.js';
import { SeeController } from './see.controller.js';
import { TracesController } from './traces.controller.js';

/** What people and tools read: everything that the stages have written. */
@Module({
  imports: [JournalModule],
  controllers: [
    AlertsController,
    IncidentsController,
    LoadController,
    TracesController,
    OutliersController,
    HealthController,
    MetricsController,
    SeeController,
  ],
})
export class QueryModule {}
