-- What the migrations make. Written by "npm run schema:dump"; not to be edited by hand.

CREATE SEQUENCE event_template_changes AS bigint INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 START 1;

CREATE SEQUENCE migrations_id_seq AS integer INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 START 1;

CREATE TABLE alert_feedback (
  tenant_id integer NOT NULL,
  alert_id uuid NOT NULL,
  fired_at timestamp with time zone NOT NULL,
  rule_id uuid NOT NULL,
  incident_id uuid,
  labels jsonb NOT NULL,
  verdict text NOT NULL,
  by text NOT NULL,
  comment text DEFAULT ''::text NOT NULL,
  channel_id uuid,
  at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT alert_feedback_pkey PRIMARY KEY (tenant_id, alert_id, fired_at),
  CONSTRAINT alert_feedback_verdict_check CHECK ((verdict = ANY (ARRAY['useful'::text, 'noise'::text])))
);
CREATE INDEX alert_feedback_rule ON public.alert_feedback USING btree (tenant_id, rule_id, at);

CREATE TABLE alert_group_members (
  tenant_id integer NOT NULL,
  group_id uuid NOT NULL,
  alert_id uuid NOT NULL,
  channel_ids uuid[],
  is_detached boolean DEFAULT false NOT NULL,
  told_elsewhere uuid[] DEFAULT '{}'::uuid[] NOT NULL,
  said_sequence integer,
  said text,
  CONSTRAINT alert_group_members_pkey PRIMARY KEY (tenant_id, group_id, alert_id)
);
CREATE INDEX alert_group_members_alert ON public.alert_group_members USING btree (tenant_id, alert_id);

CREATE TABLE alert_group_told (
  tenant_id integer NOT NULL,
  group_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  firing jsonb NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT alert_group_told_pkey PRIMARY KEY (tenant_id, group_id, channel_id)
);

CREATE TABLE alert_groups (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  key text NOT NULL,
  route_key text NOT NULL,
  labels jsonb NOT NULL,
  settings jsonb NOT NULL,
  incident_id uuid,
  sequence integer DEFAULT 0 NOT NULL,
  first_told_at timestamp with time zone,
  flushed_at timestamp with time zone,
  flush_at timestamp with time zone,
  escalated_at timestamp with time zone,
  acknowledged_at timestamp with time zone,
  acknowledged_by text,
  created_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  begun_sequence integer DEFAULT 0 NOT NULL,
  CONSTRAINT alert_groups_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX alert_groups_due ON public.alert_groups USING btree (flush_at) WHERE (flush_at IS NOT NULL);
CREATE INDEX alert_groups_incident ON public.alert_groups USING btree (tenant_id, incident_id) WHERE (incident_id IS NOT NULL);

CREATE TABLE alert_transitions (
  tenant_id integer NOT NULL,
  alert_id uuid NOT NULL,
  sequence integer NOT NULL,
  at timestamp with time zone NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  reason text NOT NULL,
  snapshot jsonb NOT NULL,
  notice jsonb,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  routed_at timestamp with time zone,
  CONSTRAINT alert_transitions_pkey PRIMARY KEY (tenant_id, alert_id, sequence)
);
CREATE INDEX alert_transitions_at ON public.alert_transitions USING btree (tenant_id, at DESC);
CREATE INDEX alert_transitions_rule ON public.alert_transitions USING btree (tenant_id, ((snapshot ->> 'ruleId'::text)), at DESC, alert_id, sequence DESC);
CREATE INDEX alert_transitions_unrouted ON public.alert_transitions USING btree (tenant_id, created_at) WHERE (routed_at IS NULL);

CREATE TABLE alerts (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  rule_id uuid,
  incident_id uuid,
  state text NOT NULL,
  labels jsonb NOT NULL,
  annotations jsonb NOT NULL,
  figures jsonb,
  exemplars jsonb DEFAULT '[]'::jsonb NOT NULL,
  active_at timestamp with time zone NOT NULL,
  fired_at timestamp with time zone,
  ends_at timestamp with time zone,
  generator_url text,
  sequence integer DEFAULT 0 NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  memory jsonb,
  rule_epoch integer,
  ends_by_timeout boolean DEFAULT false NOT NULL,
  CONSTRAINT alerts_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT alerts_state_check CHECK ((state = ANY (ARRAY['inactive'::text, 'pending'::text, 'firing'::text, 'recovering'::text, 'resolved'::text, 'no_data'::text, 'error'::text])))
);
CREATE INDEX alerts_in_hand ON public.alerts USING btree (tenant_id, state) WHERE (state <> ALL (ARRAY['inactive'::text, 'resolved'::text]));
CREATE INDEX alerts_incident ON public.alerts USING btree (tenant_id, incident_id) WHERE (incident_id IS NOT NULL);
CREATE INDEX alerts_outside ON public.alerts USING btree (ends_at) WHERE ((rule_id IS NULL) AND (state = 'firing'::text));
CREATE INDEX alerts_remembered ON public.alerts USING btree (tenant_id, rule_id) WHERE (memory IS NOT NULL);
CREATE INDEX alerts_rule ON public.alerts USING btree (tenant_id, rule_id);

CREATE TABLE anomalies (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  signal text NOT NULL,
  operation_id integer NOT NULL,
  caller_id integer NOT NULL,
  raised boolean NOT NULL,
  reason text NOT NULL,
  finding jsonb NOT NULL,
  CONSTRAINT anomalies_pkey PRIMARY KEY (tenant_id, window_at, signal, operation_id, caller_id)
);
CREATE INDEX anomalies_window ON public.anomalies USING brin (window_at) WITH (autosummarize='on');

CREATE TABLE anomaly_groups (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  group_no integer NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT anomaly_groups_pkey PRIMARY KEY (tenant_id, window_at, group_no)
);
CREATE INDEX anomaly_groups_window ON public.anomaly_groups USING brin (window_at) WITH (autosummarize='on');

CREATE TABLE api_keys (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  tenant_id integer NOT NULL,
  name text NOT NULL,
  token_prefix text NOT NULL,
  token_hash bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  CONSTRAINT api_keys_pkey PRIMARY KEY (id),
  CONSTRAINT api_keys_token_prefix_key UNIQUE (token_prefix),
  CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);
CREATE INDEX api_keys_tenant ON public.api_keys USING btree (tenant_id);

CREATE TABLE backtests (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  rule jsonb NOT NULL,
  from_at timestamp with time zone NOT NULL,
  to_at timestamp with time zone NOT NULL,
  state text NOT NULL,
  progress double precision DEFAULT 0 NOT NULL,
  result jsonb,
  error text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT backtests_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT backtests_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text])))
);

CREATE TABLE baselines (
  operation_id integer NOT NULL,
  tenant_id integer NOT NULL,
  learned_through timestamp with time zone NOT NULL,
  state jsonb NOT NULL,
  CONSTRAINT baselines_pkey PRIMARY KEY (operation_id)
);
CREATE INDEX baselines_tenant ON public.baselines USING btree (tenant_id);

CREATE TABLE channel_health (
  tenant_id integer NOT NULL,
  channel_id uuid NOT NULL,
  failures integer DEFAULT 0 NOT NULL,
  open_until timestamp with time zone,
  wait_until timestamp with time zone,
  failing_since timestamp with time zone,
  reported_at timestamp with time zone,
  last_success_at timestamp with time zone,
  last_failure_at timestamp with time zone,
  last_error text,
  CONSTRAINT channel_health_pkey PRIMARY KEY (tenant_id, channel_id)
);

CREATE TABLE channel_resends (
  tenant_id integer NOT NULL,
  channel_id uuid NOT NULL,
  group_key text NOT NULL,
  notification_id uuid NOT NULL,
  body jsonb NOT NULL,
  next_at timestamp with time zone NOT NULL,
  until timestamp with time zone NOT NULL,
  CONSTRAINT channel_resends_pkey PRIMARY KEY (tenant_id, channel_id, group_key)
);
CREATE INDEX channel_resends_due ON public.channel_resends USING btree (next_at);

CREATE TABLE channel_threads (
  tenant_id integer NOT NULL,
  channel_id uuid NOT NULL,
  group_key text NOT NULL,
  reference jsonb NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT channel_threads_pkey PRIMARY KEY (tenant_id, channel_id, group_key)
);

CREATE TABLE channels (
  id uuid NOT NULL,
  tenant_id integer NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  enabled boolean DEFAULT true NOT NULL,
  secret bytea NOT NULL,
  url_shown text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  disabled_reason text,
  shown jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT channels_pkey PRIMARY KEY (id),
  CONSTRAINT channels_tenant_id_name_key UNIQUE (tenant_id, name),
  CONSTRAINT channels_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);

CREATE TABLE compactions (
  tenant_id integer NOT NULL,
  since timestamp with time zone NOT NULL,
  CONSTRAINT compactions_pkey PRIMARY KEY (tenant_id)
);

CREATE TABLE decisions (
  incident_id uuid NOT NULL,
  sequence integer NOT NULL,
  rule_id uuid NOT NULL,
  tenant_id integer NOT NULL,
  rule_name text NOT NULL,
  send boolean NOT NULL,
  reason text NOT NULL,
  channel_ids uuid[] NOT NULL,
  CONSTRAINT decisions_pkey PRIMARY KEY (incident_id, sequence, rule_id),
  CONSTRAINT decisions_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES incidents(id) ON DELETE CASCADE
);

CREATE TABLE delivery_attempts (
  notification_id uuid NOT NULL,
  attempt integer NOT NULL,
  tenant_id integer NOT NULL,
  at timestamp with time zone NOT NULL,
  status integer,
  outcome text NOT NULL,
  reason text NOT NULL,
  took_ms integer NOT NULL,
  CONSTRAINT delivery_attempts_pkey PRIMARY KEY (notification_id, attempt),
  CONSTRAINT delivery_attempts_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES notifications(id) ON DELETE CASCADE,
  CONSTRAINT delivery_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['sent'::text, 'retry'::text, 'failed'::text])))
);

CREATE TABLE dropped_spans (
  tenant_id integer NOT NULL,
  reason text NOT NULL,
  n bigint NOT NULL,
  last_hour timestamp with time zone NOT NULL,
  last_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT dropped_spans_pkey PRIMARY KEY (tenant_id, reason),
  CONSTRAINT dropped_spans_reason_check CHECK ((reason = ANY (ARRAY['age'::text, 'space'::text])))
);

CREATE TABLE edge_baselines (
  caller_id integer NOT NULL,
  callee_id integer NOT NULL,
  tenant_id integer NOT NULL,
  learned_through timestamp with time zone NOT NULL,
  state jsonb NOT NULL,
  CONSTRAINT edge_baselines_pkey PRIMARY KEY (caller_id, callee_id)
);
CREATE INDEX edge_baselines_tenant ON public.edge_baselines USING btree (tenant_id);

CREATE TABLE edge_rollups (
  caller_id integer NOT NULL,
  callee_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  calls integer NOT NULL,
  error_count integer NOT NULL,
  gap bytea NOT NULL,
  links integer DEFAULT 0 NOT NULL,
  CONSTRAINT edge_rollups_pkey PRIMARY KEY (caller_id, callee_id, window_at)
) PARTITION BY RANGE (window_at);
CREATE INDEX edge_rollups_window ON ONLY public.edge_rollups USING brin (window_at) WITH (pages_per_range='8', autosummarize='on');

CREATE TABLE event_baselines (
  tenant_id integer NOT NULL,
  template_id bigint NOT NULL,
  operation_id integer NOT NULL,
  learned_through timestamp with time zone NOT NULL,
  state jsonb NOT NULL,
  CONSTRAINT event_baselines_pkey PRIMARY KEY (tenant_id, template_id, operation_id)
);

CREATE TABLE event_clocks (
  tenant_id integer NOT NULL,
  service_id integer NOT NULL,
  seen_through timestamp with time zone NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT event_clocks_pkey PRIMARY KEY (tenant_id, service_id)
);

CREATE TABLE event_rollups (
  template_id bigint NOT NULL,
  operation_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  n integer NOT NULL,
  spans integer NOT NULL,
  exemplars jsonb NOT NULL,
  CONSTRAINT event_rollups_pkey PRIMARY KEY (tenant_id, template_id, operation_id, window_at)
) PARTITION BY RANGE (window_at);
CREATE INDEX event_rollups_window ON ONLY public.event_rollups USING brin (window_at) WITH (pages_per_range='8', autosummarize='on');

CREATE TABLE event_templates (
  template_id bigint NOT NULL,
  tenant_id integer NOT NULL,
  service_id integer NOT NULL,
  source text NOT NULL,
  severity smallint NOT NULL,
  text text NOT NULL,
  ordinal bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  first_seen_at timestamp with time zone NOT NULL,
  change_no bigint DEFAULT nextval('event_template_changes'::regclass) NOT NULL,
  CONSTRAINT event_templates_pkey PRIMARY KEY (tenant_id, template_id)
);
CREATE INDEX event_templates_changes ON public.event_templates USING btree (tenant_id, change_no);

CREATE TABLE group_actions (
  tenant_id integer NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  group_id uuid NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  kind text NOT NULL,
  by text NOT NULL,
  comment text DEFAULT ''::text NOT NULL,
  channel_id uuid,
  CONSTRAINT group_actions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT group_actions_kind_check CHECK ((kind = ANY (ARRAY['acknowledged'::text, 'acknowledgement_withdrawn'::text])))
);
CREATE INDEX group_actions_group ON public.group_actions USING btree (tenant_id, group_id, id);

CREATE TABLE hour_rollups (
  operation_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  n bigint NOT NULL,
  error_count bigint NOT NULL,
  weighted_n double precision NOT NULL,
  weighted_error_count double precision NOT NULL,
  unknown_weight_n bigint NOT NULL,
  latency bytea NOT NULL,
  CONSTRAINT hour_rollups_pkey PRIMARY KEY (operation_id, window_at)
);
CREATE INDEX hour_rollups_window ON public.hour_rollups USING brin (window_at) WITH (pages_per_range='8', autosummarize='on');

CREATE TABLE idempotency_keys (
  tenant_id integer NOT NULL,
  key text NOT NULL,
  body_hash bytea NOT NULL,
  rule_id uuid NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key)
);

CREATE TABLE incident_actions (
  tenant_id integer NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  incident_id uuid NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  kind text NOT NULL,
  by text NOT NULL,
  subject text,
  comment text DEFAULT ''::text NOT NULL,
  channel_id uuid,
  CONSTRAINT incident_actions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT incident_actions_kind_check CHECK ((kind = ANY (ARRAY['acknowledged'::text, 'acknowledgement_withdrawn'::text, 'assigned'::text, 'commented'::text, 'resolved'::text]))) NOT VALID
);
CREATE INDEX incident_actions_incident ON public.incident_actions USING btree (tenant_id, incident_id, id);

CREATE TABLE incident_correlations (
  tenant_id integer NOT NULL,
  incident_id uuid NOT NULL,
  through timestamp with time zone NOT NULL,
  outcome text NOT NULL,
  report jsonb NOT NULL,
  CONSTRAINT incident_correlations_pkey PRIMARY KEY (tenant_id, incident_id)
);

CREATE TABLE incident_events (
  incident_id uuid NOT NULL,
  sequence integer NOT NULL,
  tenant_id integer NOT NULL,
  kind text NOT NULL,
  at timestamp with time zone NOT NULL,
  reason text NOT NULL,
  snapshot jsonb NOT NULL,
  decided_at timestamp with time zone,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  decide_attempts integer DEFAULT 0 NOT NULL,
  decide_after timestamp with time zone,
  decide_error text,
  set_aside boolean DEFAULT false NOT NULL,
  unconcerned_rules jsonb,
  CONSTRAINT incident_events_pkey PRIMARY KEY (incident_id, sequence),
  CONSTRAINT incident_events_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES incidents(id) ON DELETE CASCADE,
  CONSTRAINT incident_events_kind_check CHECK ((kind = ANY (ARRAY['opened'::text, 'reopened'::text, 'another_cause'::text, 'escalated'::text, 'resolved'::text]))) NOT VALID
);
CREATE INDEX incident_events_at ON public.incident_events USING btree (tenant_id, at);
CREATE INDEX incident_events_set_aside ON public.incident_events USING btree (tenant_id) WHERE set_aside;
CREATE INDEX incident_events_undecided ON public.incident_events USING btree (tenant_id) WHERE (decided_at IS NULL);

CREATE TABLE incidents (
  id uuid NOT NULL,
  tenant_id integer NOT NULL,
  state text NOT NULL,
  severity text NOT NULL,
  started_at timestamp with time zone NOT NULL,
  opened_at timestamp with time zone NOT NULL,
  last_seen_at timestamp with time zone NOT NULL,
  resolved_at timestamp with time zone,
  quiet_windows integer DEFAULT 0 NOT NULL,
  flaps integer DEFAULT 0 NOT NULL,
  causes jsonb NOT NULL,
  affected jsonb NOT NULL,
  exemplars jsonb NOT NULL,
  suspects jsonb DEFAULT '[]'::jsonb NOT NULL,
  resolved_by text,
  CONSTRAINT incidents_pkey PRIMARY KEY (id),
  CONSTRAINT incidents_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  CONSTRAINT incidents_state_check CHECK ((state = ANY (ARRAY['open'::text, 'recovering'::text, 'resolved'::text])))
);
CREATE INDEX incidents_tenant_opened ON public.incidents USING btree (tenant_id, opened_at DESC, id);
CREATE INDEX incidents_unresolved ON public.incidents USING btree (tenant_id) WHERE (state <> 'resolved'::text);

CREATE TABLE inhibitions (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  source jsonb NOT NULL,
  target jsonb NOT NULL,
  equal text[] NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT inhibitions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT inhibitions_tenant_id_name_key UNIQUE (tenant_id, name)
);

CREATE TABLE journal_hours (
  hour timestamp with time zone NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  last_written_at timestamp with time zone DEFAULT now() NOT NULL,
  reduced_at timestamp with time zone,
  CONSTRAINT journal_hours_pkey PRIMARY KEY (hour)
);

CREATE TABLE kept_segments (
  tenant_id integer NOT NULL,
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  CONSTRAINT kept_segments_pkey PRIMARY KEY (tenant_id, segment_id, hour)
);
CREATE INDEX kept_segments_hour ON public.kept_segments USING btree (hour);

CREATE TABLE log_counts (
  tenant_id integer NOT NULL,
  outcome text NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT log_counts_pkey PRIMARY KEY (tenant_id, outcome)
);

CREATE TABLE log_segments (
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  received_at timestamp with time zone NOT NULL,
  record_count integer NOT NULL,
  codec smallint NOT NULL,
  payload bytea NOT NULL STORAGE EXTERNAL,
  CONSTRAINT log_segments_pkey PRIMARY KEY (segment_id, hour)
) PARTITION BY RANGE (hour);

CREATE TABLE log_traces (
  trace_id uuid NOT NULL,
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  record_count integer NOT NULL,
  CONSTRAINT log_traces_pkey PRIMARY KEY (trace_id, segment_id, hour)
) PARTITION BY RANGE (hour);

CREATE TABLE log_windows (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  record_count integer NOT NULL,
  CONSTRAINT log_windows_pkey PRIMARY KEY (tenant_id, window_at, segment_id)
) PARTITION BY RANGE (window_at);

CREATE TABLE migrations (
  id integer DEFAULT nextval('migrations_id_seq'::regclass) NOT NULL,
  "timestamp" bigint NOT NULL,
  name character varying NOT NULL,
  CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY (id)
);

CREATE TABLE minute_rollups (
  operation_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  n bigint NOT NULL,
  error_count bigint NOT NULL,
  weighted_n double precision NOT NULL,
  weighted_error_count double precision NOT NULL,
  unknown_weight_n bigint NOT NULL,
  latency bytea NOT NULL,
  CONSTRAINT minute_rollups_pkey PRIMARY KEY (operation_id, window_at)
) PARTITION BY RANGE (window_at);
CREATE INDEX minute_rollups_window ON ONLY public.minute_rollups USING brin (window_at) WITH (pages_per_range='8', autosummarize='on');

CREATE TABLE mute_times (
  tenant_id integer NOT NULL,
  name text NOT NULL,
  intervals jsonb NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT mute_times_pkey PRIMARY KEY (tenant_id, name)
);

CREATE TABLE notifications (
  id uuid NOT NULL,
  tenant_id integer NOT NULL,
  incident_id uuid,
  sequence integer NOT NULL,
  channel_id uuid NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  body jsonb NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
  attempts integer DEFAULT 0 NOT NULL,
  leased_until timestamp with time zone,
  sent_at timestamp with time zone,
  last_error text,
  group_key text,
  earlier_attempts integer DEFAULT 0 NOT NULL,
  replayed_at timestamp with time zone,
  digest_id uuid,
  CONSTRAINT notifications_pkey PRIMARY KEY (id),
  CONSTRAINT notifications_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES incidents(id) ON DELETE CASCADE,
  CONSTRAINT notifications_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text, 'digested'::text])))
);
CREATE INDEX notifications_digest ON public.notifications USING btree (digest_id) WHERE (digest_id IS NOT NULL);
CREATE INDEX notifications_due ON public.notifications USING btree (next_attempt_at) WHERE (state = 'pending'::text);
CREATE INDEX notifications_failed ON public.notifications USING btree (tenant_id, channel_id) WHERE (state = 'failed'::text);
CREATE INDEX notifications_group ON public.notifications USING btree (tenant_id, group_key) WHERE (group_key IS NOT NULL);
CREATE INDEX notifications_incident ON public.notifications USING btree (incident_id) WHERE (incident_id IS NOT NULL);
CREATE INDEX notifications_order ON public.notifications USING btree (channel_id, COALESCE(group_key, (incident_id)::text), sequence) WHERE (state = 'pending'::text);
CREATE INDEX notifications_sent ON public.notifications USING btree (channel_id, sent_at) WHERE (state = 'sent'::text);
CREATE INDEX notifications_tenant ON public.notifications USING btree (tenant_id, created_at DESC);

CREATE TABLE operations (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  tenant_id integer NOT NULL,
  service_id integer NOT NULL,
  kind smallint NOT NULL,
  name text NOT NULL,
  first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT operations_pkey PRIMARY KEY (id),
  CONSTRAINT operations_service_id_kind_name_key UNIQUE (service_id, kind, name),
  CONSTRAINT operations_service_id_fkey FOREIGN KEY (service_id) REFERENCES services(id)
);
CREATE INDEX operations_tenant ON public.operations USING btree (tenant_id);

CREATE TABLE outlier_traces (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  trace_id uuid NOT NULL,
  reason text NOT NULL,
  operation_id integer NOT NULL,
  also_in integer NOT NULL,
  observed double precision NOT NULL,
  expected double precision NOT NULL,
  n bigint NOT NULL,
  baseline_n bigint NOT NULL,
  score double precision NOT NULL,
  CONSTRAINT outlier_traces_pkey PRIMARY KEY (tenant_id, window_at, trace_id, reason),
  CONSTRAINT outlier_traces_reason_check CHECK ((reason = ANY (ARRAY['slow'::text, 'failed'::text])))
);
CREATE INDEX outlier_traces_window ON public.outlier_traces USING brin (window_at) WITH (autosummarize='on');

CREATE TABLE posting_totals (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  commit_id bigint NOT NULL,
  postings integer NOT NULL,
  n integer NOT NULL,
  error_count integer NOT NULL,
  max_duration_us bigint NOT NULL,
  CONSTRAINT posting_totals_pkey PRIMARY KEY (tenant_id, window_at, commit_id)
) PARTITION BY RANGE (window_at);

CREATE TABLE postings (
  operation_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  commit_id bigint NOT NULL,
  tenant_id integer NOT NULL,
  n integer NOT NULL,
  error_count integer NOT NULL,
  max_duration_us bigint NOT NULL,
  entries bytea NOT NULL,
  CONSTRAINT postings_pkey PRIMARY KEY (operation_id, window_at, commit_id)
) PARTITION BY RANGE (window_at);
CREATE INDEX postings_window ON ONLY public.postings USING brin (window_at) WITH (pages_per_range='16', autosummarize='on');

CREATE TABLE proposal_requests (
  tenant_id integer NOT NULL,
  rule_id uuid NOT NULL,
  asked_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT proposal_requests_pkey PRIMARY KEY (tenant_id, rule_id)
);

CREATE TABLE recurrences (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  key text NOT NULL,
  rule_id uuid NOT NULL,
  labels jsonb NOT NULL,
  begins timestamp with time zone[] NOT NULL,
  severity text NOT NULL,
  strength double precision,
  mute jsonb,
  held integer DEFAULT 0 NOT NULL,
  last_at timestamp with time zone NOT NULL,
  CONSTRAINT recurrences_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX recurrences_muted ON public.recurrences USING btree (tenant_id) WHERE (mute IS NOT NULL);

CREATE TABLE refused_requests (
  tenant_id integer NOT NULL,
  reason text NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT refused_requests_pkey PRIMARY KEY (tenant_id, reason)
);

CREATE TABLE reopened_windows (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  late_spans bigint NOT NULL,
  changes bigint DEFAULT 1 NOT NULL,
  marked_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT reopened_windows_pkey PRIMARY KEY (tenant_id, window_at)
);

CREATE TABLE request_keys (
  request_key uuid NOT NULL,
  hour timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  segment_id bigint NOT NULL,
  accepted integer,
  CONSTRAINT request_keys_pkey PRIMARY KEY (request_key, hour)
) PARTITION BY RANGE (hour);

CREATE TABLE rollups (
  operation_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  n bigint NOT NULL,
  error_count bigint NOT NULL,
  entries bigint NOT NULL,
  duration_sum_us double precision NOT NULL,
  max_duration_us bigint NOT NULL,
  latency bytea NOT NULL,
  sampled_n integer NOT NULL,
  failed_here_n integer NOT NULL,
  self_time bytea NOT NULL,
  exemplars jsonb NOT NULL,
  shapes jsonb DEFAULT '{}'::jsonb NOT NULL,
  instances jsonb DEFAULT '[]'::jsonb NOT NULL,
  paths jsonb,
  weighted_n double precision,
  weighted_error_count double precision,
  unknown_weight_n bigint,
  late_n bigint DEFAULT 0 NOT NULL,
  CONSTRAINT rollups_pkey PRIMARY KEY (operation_id, window_at)
) PARTITION BY RANGE (window_at);
CREATE INDEX rollups_window ON ONLY public.rollups USING brin (window_at) WITH (pages_per_range='8', autosummarize='on');

CREATE TABLE route_decisions (
  tenant_id integer NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  alert_id uuid NOT NULL,
  sequence integer NOT NULL,
  rule_id uuid,
  rule_name text NOT NULL,
  incident_id uuid,
  group_id uuid NOT NULL,
  step_at timestamp with time zone NOT NULL,
  at timestamp with time zone NOT NULL,
  send boolean NOT NULL,
  reason text NOT NULL,
  detail text,
  channel_ids uuid[] NOT NULL,
  CONSTRAINT route_decisions_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX route_decisions_alert ON public.route_decisions USING btree (tenant_id, alert_id);
CREATE INDEX route_decisions_incident ON public.route_decisions USING btree (tenant_id, incident_id) WHERE (incident_id IS NOT NULL);

CREATE TABLE routed_alerts (
  tenant_id integer NOT NULL,
  alert_id uuid NOT NULL,
  sequence integer NOT NULL,
  snapshot jsonb NOT NULL,
  reason text NOT NULL,
  is_firing boolean NOT NULL,
  step_at timestamp with time zone NOT NULL,
  notice jsonb,
  heard_at timestamp with time zone NOT NULL,
  routed_at timestamp with time zone NOT NULL,
  CONSTRAINT routed_alerts_pkey PRIMARY KEY (tenant_id, alert_id)
);
CREATE INDEX routed_alerts_firing ON public.routed_alerts USING btree (tenant_id) WHERE is_firing;

CREATE TABLE routing (
  tenant_id integer NOT NULL,
  version integer DEFAULT 0 NOT NULL,
  document jsonb,
  applied_version integer DEFAULT 0 NOT NULL,
  is_stale boolean DEFAULT false NOT NULL,
  channels_seen_at timestamp with time zone,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_by text,
  CONSTRAINT routing_pkey PRIMARY KEY (tenant_id)
);

CREATE TABLE rule_matches (
  tenant_id integer NOT NULL,
  rule_id uuid NOT NULL,
  rule_epoch integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  labels jsonb NOT NULL,
  label_key text NOT NULL,
  n integer NOT NULL,
  looked_at integer NOT NULL,
  exemplars jsonb NOT NULL,
  CONSTRAINT rule_matches_pkey PRIMARY KEY (tenant_id, rule_id, window_at, label_key)
);

CREATE TABLE rule_proposals (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  rule_id uuid NOT NULL,
  rule_epoch integer NOT NULL,
  patch jsonb NOT NULL,
  words text NOT NULL,
  evidence jsonb NOT NULL,
  state text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  decided_at timestamp with time zone,
  decided_by text,
  CONSTRAINT rule_proposals_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT rule_proposals_state_check CHECK ((state = ANY (ARRAY['open'::text, 'applied'::text, 'dismissed'::text, 'superseded'::text])))
);
CREATE UNIQUE INDEX rule_proposals_open ON public.rule_proposals USING btree (tenant_id, rule_id) WHERE (state = 'open'::text);

CREATE TABLE rules (
  id uuid NOT NULL,
  tenant_id integer NOT NULL,
  name text NOT NULL,
  enabled boolean DEFAULT true NOT NULL,
  services text[] NOT NULL,
  min_severity text NOT NULL,
  channel_ids uuid[],
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  type text DEFAULT 'anomaly'::text NOT NULL,
  definition jsonb DEFAULT '{}'::jsonb NOT NULL,
  epoch integer DEFAULT 1 NOT NULL,
  source text DEFAULT 'api'::text NOT NULL,
  CONSTRAINT rules_pkey PRIMARY KEY (id),
  CONSTRAINT rules_tenant_id_name_key UNIQUE (tenant_id, name),
  CONSTRAINT rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT rules_min_severity_check CHECK ((min_severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
  CONSTRAINT rules_source_check CHECK ((source = ANY (ARRAY['api'::text, 'file'::text]))),
  CONSTRAINT rules_type_check CHECK ((type = ANY (ARRAY['anomaly'::text, 'threshold'::text, 'burn_rate'::text, 'trace_match'::text, 'absence'::text, 'structural'::text])))
);

CREATE TABLE seasons (
  tenant_id integer NOT NULL,
  operation_id integer NOT NULL,
  hour smallint NOT NULL,
  days jsonb NOT NULL,
  CONSTRAINT seasons_pkey PRIMARY KEY (operation_id, hour),
  CONSTRAINT seasons_hour_check CHECK (((hour >= 0) AND (hour <= 23)))
);
CREATE INDEX seasons_tenant ON public.seasons USING btree (tenant_id, hour);

CREATE TABLE segments (
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  received_at timestamp with time zone NOT NULL,
  span_count integer NOT NULL,
  codec smallint NOT NULL,
  payload bytea NOT NULL STORAGE EXTERNAL,
  attributes bytea STORAGE EXTERNAL,
  is_wide boolean,
  CONSTRAINT segments_pkey PRIMARY KEY (segment_id, hour)
) PARTITION BY RANGE (hour);
CREATE INDEX segments_wide ON ONLY public.segments USING btree (tenant_id) WHERE (is_wide IS NOT FALSE);

CREATE TABLE services (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  tenant_id integer NOT NULL,
  name text NOT NULL,
  first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT services_pkey PRIMARY KEY (id),
  CONSTRAINT services_tenant_id_name_key UNIQUE (tenant_id, name)
);

CREATE TABLE silences (
  tenant_id integer NOT NULL,
  id uuid NOT NULL,
  matchers jsonb NOT NULL,
  starts_at timestamp with time zone NOT NULL,
  ends_at timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  comment text NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  CONSTRAINT silences_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX silences_ends ON public.silences USING btree (tenant_id, ends_at);

CREATE TABLE span_counts (
  tenant_id integer NOT NULL,
  outcome text NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT span_counts_pkey PRIMARY KEY (tenant_id, outcome)
);

CREATE TABLE stage_cursors (
  tenant_id integer NOT NULL,
  stage text NOT NULL,
  done_through timestamp with time zone NOT NULL,
  leased_by text,
  leased_until timestamp with time zone,
  failures integer DEFAULT 0 NOT NULL,
  last_error text,
  CONSTRAINT stage_cursors_pkey PRIMARY KEY (tenant_id, stage)
);

CREATE TABLE tenant_clocks (
  tenant_id integer NOT NULL,
  first_window_at timestamp with time zone NOT NULL,
  closed_through timestamp with time zone NOT NULL,
  CONSTRAINT tenant_clocks_pkey PRIMARY KEY (tenant_id)
);

CREATE TABLE tenant_settings (
  tenant_id integer NOT NULL,
  spans_per_second bigint,
  bytes_per_second bigint,
  normalise_span_names boolean DEFAULT false NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT tenant_settings_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT tenant_settings_bytes_per_second_check CHECK ((bytes_per_second >= 0)),
  CONSTRAINT tenant_settings_spans_per_second_check CHECK ((spans_per_second >= 0))
);

CREATE TABLE tenants (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  default_rule_at timestamp with time zone,
  CONSTRAINT tenants_pkey PRIMARY KEY (id),
  CONSTRAINT tenants_name_key UNIQUE (name)
);

CREATE TABLE trace_segments (
  trace_id uuid NOT NULL,
  segment_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  tenant_id integer NOT NULL,
  start_us bigint NOT NULL,
  end_us bigint NOT NULL,
  span_count integer NOT NULL,
  error_count integer NOT NULL,
  root_operation_id integer,
  CONSTRAINT trace_segments_pkey PRIMARY KEY (trace_id, segment_id, hour)
) PARTITION BY RANGE (hour);

CREATE TABLE used_links (
  tenant_id integer NOT NULL,
  notification_id uuid NOT NULL,
  action text NOT NULL,
  at timestamp with time zone DEFAULT now() NOT NULL,
  by text NOT NULL,
  outcome text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT used_links_pkey PRIMARY KEY (tenant_id, notification_id, action)
);
CREATE INDEX used_links_expiry ON public.used_links USING btree (tenant_id, expires_at);

CREATE TABLE versions (
  tenant_id integer NOT NULL,
  service_id integer NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  first_seen_at timestamp with time zone NOT NULL,
  last_seen_at timestamp with time zone NOT NULL,
  CONSTRAINT versions_pkey PRIMARY KEY (tenant_id, service_id, key, value)
);

CREATE TABLE window_totals (
  tenant_id integer NOT NULL,
  window_at timestamp with time zone NOT NULL,
  n bigint NOT NULL,
  traces integer NOT NULL,
  sampled_traces integer NOT NULL,
  duplicate_spans integer NOT NULL,
  revision integer DEFAULT 0 NOT NULL,
  CONSTRAINT window_totals_pkey PRIMARY KEY (tenant_id, window_at)
);
CREATE INDEX window_totals_window ON public.window_totals USING brin (window_at) WITH (autosummarize='on');
