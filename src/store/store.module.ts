import { Module, type DynamicModule } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { ActionLinkStore } from './action-link.store.js';
import { AlertStore } from './alert.store.js';
import { AlertViewsStore } from './alert-views.store.js';
import { AnomalyStore } from './anomaly.store.js';
import { BacktestStore } from './backtest.store.js';
import { BaselineStore } from './baseline.store.js';
import { ChannelHealthStore } from './channel-health.store.js';
import { ChannelThreadStore } from './channel-thread.store.js';
import { ChannelStore } from './channel.store.js';
import { ChartStore } from './chart.store.js';
import { ClockStore } from './clock.store.js';
import { CompactionStore } from './compaction.store.js';
import { CursorStore } from './cursor.store.js';
import { DatabaseClock } from './database-clock.store.js';
import { CorrelationStore } from './correlation.store.js';
import { DecisionStore } from './decision.store.js';
import { DeliveryViewsStore } from './delivery-views.store.js';
import { DigestStore } from './digest.store.js';
import { EventStore } from './event.store.js';
import { FeedbackStore } from './feedback.store.js';
import { GroupActionStore } from './group-action.store.js';
import { GroupViewsStore } from './group-views.store.js';
import { IncidentViewsStore } from './incident-views.store.js';
import { IncidentStore } from './incident.store.js';
import { KeyStore } from './key.store.js';
import { KnowledgeStore } from './knowledge.store.js';
import { LoadStore } from './load.store.js';
import { MessageContextStore } from './message-context.store.js';
import { MetricsStore } from './metrics.store.js';
import { NotificationStore } from './notification.store.js';
import { OutsideAlertStore } from './outside-alert.store.js';
import { ProposalStore } from './proposal.store.js';
import { RecentStore } from './recent.store.js';
import { RecurrenceStore } from './recurrence.store.js';
import { ReopenedStore } from './reopened.store.js';
import { RetentionStore } from './retention.store.js';
import { RollupStore } from './rollup.store.js';
import { RuleHistoryStore } from './rule-history.store.js';
import { RuleMatchStore } from './rule-match.store.js';
import { RouteStore } from './route.store.js';
import { RoutingStore } from './routing.store.js';
import { RuleStore } from './rule.store.js';
import { IncidentActionStore } from './incident-action.store.js';
import { SilenceStore } from './silence.store.js';
import { OutlierStore } from './outlier.store.js';
import { SeasonStore } from './season.store.js';
import { SecretBox, secretBoxFrom } from './secret-box.js';
import { TenantSettingsStore } from './tenant-settings.store.js';
import { TenantStore } from './tenant.store.js';
import { VersionStore } from './version.store.js';
import { ViewsStore } from './views.store.js';

const STORES = [
  ActionLinkStore,
  AlertStore,
  AlertViewsStore,
  AnomalyStore,
  BacktestStore,
  BaselineStore,
  ChannelHealthStore,
  ChannelStore,
  ChannelThreadStore,
  ChartStore,
  ClockStore,
  CompactionStore,
  CursorStore,
  CorrelationStore,
  DatabaseClock,
  DecisionStore,
  DeliveryViewsStore,
  DigestStore,
  EventStore,
  FeedbackStore,
  GroupActionStore,
  GroupViewsStore,
  IncidentStore,
  IncidentViewsStore,
  KeyStore,
  KnowledgeStore,
  LoadStore,
  MessageContextStore,
  MetricsStore,
  NotificationStore,
  OutsideAlertStore,
  ProposalStore,
  RecentStore,
  RecurrenceStore,
  ReopenedStore,
  RetentionStore,
  RollupStore,
  RuleHistoryStore,
  RuleMatchStore,
  RouteStore,
  RoutingStore,
  RuleStore,
  OutlierStore,
  SeasonStore,
  IncidentActionStore,
  SilenceStore,
  TenantSettingsStore,
  TenantStore,
  VersionStore,
  ViewsStore,
];

@Module({})
export class StoreModule {
  /** Provides every store, `DataSource` and `CONFIG` everywhere. The data source is open; whoever opened it closes it. */
  static register(config: Config, db: DataSource): DynamicModule {
    const given = [
      { provide: CONFIG, useValue: config },
      { provide: DataSource, useValue: db },
      { provide: SecretBox, useValue: secretBoxFrom(config) },
    ];
    return { module: StoreModule, global: true, providers: [...given, ...STORES], exports: [...given, ...STORES] };
  }
}
