-- People and tenants, as far as setup needs them.
CREATE TABLE users (
  id uuid NOT NULL PRIMARY KEY,
  email text NOT NULL,
  name text NOT NULL,
  password_hash text,
  is_instance_admin boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE workspaces (
  id uuid NOT NULL PRIMARY KEY,
  name text NOT NULL,
  slug text NOT NULL UNIQUE,
  owner_user_id uuid NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
  timezone text NOT NULL DEFAULT 'UTC',
  settings text NOT NULL DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX workspaces_owner ON workspaces (owner_user_id);

CREATE TABLE workspace_members (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  joined_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX workspace_members_user ON workspace_members (user_id);

CREATE TABLE api_keys (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name text NOT NULL,
  prefix text NOT NULL UNIQUE,
  key_hash bytea NOT NULL,
  scopes text NOT NULL DEFAULT '[]',
  expires_at timestamptz,
  last_used_at timestamptz,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE app_settings (
  key text NOT NULL PRIMARY KEY,
  value text NOT NULL,
  updated_at timestamptz NOT NULL
);

-- What people draw. A version never changes.
CREATE TABLE workflows (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'archived')),
  draft text NOT NULL,
  rev bigint NOT NULL DEFAULT 1,
  published_version_id uuid,
  created_by uuid,
  updated_by uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  published_at timestamptz,
  deleted_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE workflow_versions (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  -- 0 for the versions of test runs of a draft.
  version_number bigint NOT NULL,
  definition text NOT NULL,
  sha256 bytea NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX workflow_versions_number ON workflow_versions (workspace_id, workflow_id, version_number)
  WHERE version_number > 0;
CREATE UNIQUE INDEX workflow_versions_test ON workflow_versions (workspace_id, workflow_id, sha256)
  WHERE version_number = 0;
CREATE INDEX workflow_versions_sha256 ON workflow_versions (workspace_id, workflow_id, sha256);

CREATE TABLE triggers (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  version_id uuid NOT NULL,
  node_key text NOT NULL,
  kind text NOT NULL,
  config text NOT NULL DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  cursor text,
  last_fired_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX triggers_node ON triggers (workspace_id, workflow_id, node_key);

-- The id is the address and the secret; everything else is looked up by it.
CREATE TABLE webhook_routes (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL PRIMARY KEY,
  workflow_id uuid NOT NULL,
  trigger_id uuid,
  version_id uuid NOT NULL,
  node_key text NOT NULL,
  is_test boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  expires_at timestamptz,
  created_at timestamptz NOT NULL,
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX webhook_routes_node ON webhook_routes (workspace_id, workflow_id, node_key, is_test);

CREATE TABLE workflow_static_data (
  workspace_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  data text NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, workflow_id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
);

-- Executions: a small mutable head; the journal is what happened.
CREATE TABLE executions (
  workspace_id uuid NOT NULL,
  id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  version_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN
    ('queued', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled', 'timed_out')),
  mode text NOT NULL,
  trigger_kind text NOT NULL,
  trigger_node text NOT NULL,
  parent_id uuid,
  parent_step bigint,
  parent_call bigint,
  parent_waits boolean,
  depth bigint NOT NULL DEFAULT 0,
  retry_of uuid,
  priority bigint NOT NULL DEFAULT 0,
  concurrency_key text,
  options text NOT NULL DEFAULT '{}',
  created_by uuid,
  seq bigint NOT NULL,
  fence bigint NOT NULL,
  lease_owner uuid,
  lease_until timestamptz,
  deaths bigint NOT NULL DEFAULT 0,
  run_us bigint NOT NULL DEFAULT 0,
  error text,
  accepted_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX executions_workflow ON executions (workspace_id, workflow_id, id);
CREATE INDEX executions_leased ON executions (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX executions_open ON executions (workspace_id, status, id)
  WHERE status IN ('queued', 'running', 'waiting', 'paused');
CREATE INDEX executions_troubled ON executions (workspace_id, status, id)
  WHERE status IN ('failed', 'cancelled', 'timed_out');
CREATE INDEX executions_troubled_workflow ON executions (workspace_id, workflow_id, status, id)
  WHERE status IN ('failed', 'cancelled', 'timed_out');
CREATE INDEX executions_mode ON executions (workspace_id, mode, id)
  WHERE mode IN ('manual', 'test', 'replay', 'error');
CREATE INDEX executions_mode_workflow ON executions (workspace_id, workflow_id, mode, id)
  WHERE mode IN ('manual', 'test', 'replay', 'error');
CREATE INDEX executions_parent ON executions (workspace_id, parent_id) WHERE parent_id IS NOT NULL;


CREATE TABLE execution_events (
  workspace_id uuid NOT NULL,
  execution_id uuid NOT NULL,
  seq bigint NOT NULL,
  kind text NOT NULL,
  node_key text,
  run_index bigint NOT NULL,
  attempt bigint NOT NULL,
  at timestamptz NOT NULL,
  duration_us bigint,
  -- JSON, or JSON compressed with zstd; absent when a blob holds it.
  payload bytea,
  payload_ref bytea,
  worker_id uuid,
  PRIMARY KEY (workspace_id, execution_id, seq)
);


CREATE TABLE execution_queue (
  workspace_id uuid NOT NULL,
  execution_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  priority bigint NOT NULL DEFAULT 0,
  concurrency_key text,
  deaths bigint NOT NULL DEFAULT 0,
  queued_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, execution_id)
);
CREATE INDEX execution_queue_ready ON execution_queue (workspace_id, workflow_id, priority DESC, queued_at, execution_id);

CREATE TABLE execution_signals (
  workspace_id uuid NOT NULL,
  execution_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, execution_id, id)
);

CREATE TABLE execution_waits (
  workspace_id uuid NOT NULL,
  execution_id uuid NOT NULL,
  step bigint NOT NULL,
  node_key text NOT NULL,
  kind text NOT NULL,
  options text NOT NULL,
  until_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, execution_id, step)
);
-- Resume addresses name the execution only.
CREATE INDEX execution_waits_execution ON execution_waits (execution_id);

-- The only clock. A row belongs to an execution or to a trigger.
CREATE TABLE timers (
  workspace_id uuid NOT NULL,
  owner_kind text NOT NULL CHECK (owner_kind IN ('execution', 'trigger')),
  owner_id uuid NOT NULL,
  key text NOT NULL DEFAULT '',
  due_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, owner_kind, owner_id, key)
);
CREATE INDEX timers_due ON timers (owner_kind, due_at);

CREATE TABLE trigger_occurrences (
  workspace_id uuid NOT NULL,
  trigger_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  started boolean NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, trigger_id, due_at),
  FOREIGN KEY (workspace_id, trigger_id) REFERENCES triggers (workspace_id, id) ON DELETE CASCADE
);

-- What was accepted already: webhook deliveries and starts with a key.
CREATE TABLE inbox_events (
  workspace_id uuid NOT NULL,
  scope uuid NOT NULL,
  dedupe_key text NOT NULL,
  execution_id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, scope, dedupe_key)
);
CREATE INDEX inbox_events_expires ON inbox_events (expires_at);

-- Answers to requests that came with an Idempotency-Key.
CREATE TABLE idempotency_keys (
  workspace_id uuid NOT NULL,
  key text NOT NULL,
  request_sha256 bytea NOT NULL,
  status bigint,
  body text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- The outbox: what the rest of the product should know.
CREATE TABLE domain_events (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id uuid NOT NULL,
  kind text NOT NULL,
  subject uuid NOT NULL,
  data text NOT NULL,
  at timestamptz NOT NULL,
  -- Readers follow transactions: numbers become visible in another order than they are given.
  tx bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);
CREATE INDEX domain_events_tx ON domain_events (tx, seq);

CREATE TABLE blobs (
  workspace_id uuid NOT NULL,
  sha256 bytea NOT NULL,
  size bigint NOT NULL,
  codec text NOT NULL CHECK (codec IN ('none', 'zstd')),
  refcount bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, sha256)
);
CREATE INDEX blobs_unused ON blobs (workspace_id) WHERE refcount <= 0;

CREATE TABLE workers (
  id uuid NOT NULL PRIMARY KEY,
  host text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('active', 'draining', 'dead'))
);

-- Secrets. The key of a workspace is wrapped by the key of the instance.
CREATE TABLE data_keys (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  version bigint NOT NULL,
  wrapped_key bytea NOT NULL,
  kek_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('active', 'retired')),
  retired_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, version)
);

CREATE TABLE credentials (
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  ciphertext bytea NOT NULL,
  key_version bigint NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX credentials_name ON credentials (workspace_id, kind, name);

-- The steps of executions, from the rows of the journal: the only record of what happened.
CREATE VIEW steps WITH (security_invoker = true) AS
SELECT run.workspace_id, run.execution_id, run.node_key, run.run_index,
  CASE
    WHEN latest.kind IN ('step_succeeded', 'step_silent', 'wait_resolved') THEN 'completed'
    WHEN latest.kind = 'step_failed' THEN 'failed'
    WHEN latest.kind = 'step_lost' THEN 'unknown'
    WHEN executions.status = 'completed' THEN 'completed'
    WHEN executions.status IN ('failed', 'cancelled', 'timed_out') THEN 'cancelled'
    WHEN latest.kind IN ('step_waiting', 'step_calling', 'child_finished') THEN 'waiting'
    ELSE 'running'
  END AS status,
  run.attempts, run.first_seq, run.last_seq, run.started_at, run.changed_at, run.duration_us
FROM (
  SELECT workspace_id, execution_id, node_key, run_index, max(attempt) AS attempts, min(seq) AS first_seq,
    max(seq) AS last_seq, min(at) AS started_at, max(at) AS changed_at,
    coalesce(sum(duration_us), 0)::bigint AS duration_us
  FROM execution_events WHERE node_key IS NOT NULL AND kind <> 'triggered'
  GROUP BY workspace_id, execution_id, node_key, run_index
) AS run
JOIN execution_events AS latest ON latest.workspace_id = run.workspace_id
  AND latest.execution_id = run.execution_id AND latest.seq = run.last_seq
JOIN executions ON executions.workspace_id = run.workspace_id AND executions.id = run.execution_id;

-- The same under the names that others know.
CREATE VIEW node_executions WITH (security_invoker = true) AS SELECT * FROM steps;
CREATE VIEW execution_steps WITH (security_invoker = true) AS SELECT * FROM steps;

-- What executions say while they run; with SQLite it has files of its own.
CREATE TABLE execution_logs (
  workspace_id uuid NOT NULL,
  execution_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  level bigint NOT NULL,
  node_key text,
  run_index bigint,
  message text NOT NULL,
  details text,
  PRIMARY KEY (workspace_id, execution_id, id, at)
) PARTITION BY RANGE (at);

-- Makes the partition of the month that begins that day. Whoever may write lines may have it made.
CREATE FUNCTION make_log_partition(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
DECLARE
  name text := 'execution_logs_' || to_char(month, 'YYYY_MM');
BEGIN
  IF to_regclass(name) IS NULL THEN
    PERFORM pg_advisory_xact_lock(hashtext('execution_logs'));
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF execution_logs FOR VALUES FROM (%L) TO (%L)',
      name, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
  END IF;
  RETURN true;
END $$;

-- Drops the partitions of months before the one that begins that day.
CREATE FUNCTION drop_log_partitions(before date) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
DECLARE
  partition text;
  dropped bigint := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('execution_logs'));
  FOR partition IN
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
     WHERE inhparent = 'execution_logs'::regclass AND relname < 'execution_logs_' || to_char(before, 'YYYY_MM')
  LOOP
    EXECUTE format('DROP TABLE %I', partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;

CREATE FUNCTION execution_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an execution that has ended never changes' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER executions_final BEFORE UPDATE ON executions FOR EACH ROW
  WHEN (old.status IN ('completed', 'failed', 'cancelled', 'timed_out'))
  EXECUTE FUNCTION execution_is_final();

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER execution_events_append_only BEFORE UPDATE ON execution_events FOR EACH ROW
  EXECUTE FUNCTION journal_is_append_only();

-- An id that sorts after those given before in the same order of locks: microseconds, then chance. A UUID of version 7.
CREATE FUNCTION ordered_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(
    substring(int8send(us / 1000) FROM 3)
      || substring(int4send((28672 + (us % 1000) * 4)::int) FROM 3)
      || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS now
$$;

-- The number of the last batch that each writer of commits has committed. Whoever loses the connection while it
-- commits finds here whether it did.
CREATE TABLE commit_marks (
  writer uuid NOT NULL PRIMARY KEY,
  batch bigint NOT NULL,
  at timestamptz NOT NULL
);
