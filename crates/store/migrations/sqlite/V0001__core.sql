-- People and tenants, as far as setup needs them.
CREATE TABLE users (
  id BLOB NOT NULL PRIMARY KEY,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  password_hash TEXT,
  is_instance_admin INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE workspaces (
  id BLOB NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  owner_user_id BLOB NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
  timezone TEXT NOT NULL DEFAULT 'UTC',
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX workspaces_owner ON workspaces (owner_user_id);

CREATE TABLE workspace_members (
  workspace_id BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  joined_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX workspace_members_user ON workspace_members (user_id);

CREATE TABLE api_keys (
  workspace_id BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  key_hash BLOB NOT NULL,
  scopes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes)),
  expires_at INTEGER,
  last_used_at INTEGER,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE app_settings (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value)),
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people draw. A version never changes.
CREATE TABLE workflows (
  workspace_id BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'archived')),
  draft TEXT NOT NULL CHECK (json_valid(draft)),
  rev INTEGER NOT NULL DEFAULT 1,
  published_version_id BLOB,
  created_by BLOB,
  updated_by BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  published_at INTEGER,
  deleted_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE workflow_versions (
  workspace_id BLOB NOT NULL,
  id BLOB NOT NULL,
  workflow_id BLOB NOT NULL,
  -- 0 for the versions of test runs of a draft.
  version_number INTEGER NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  sha256 BLOB NOT NULL,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workflow_versions_number ON workflow_versions (workspace_id, workflow_id, version_number)
  WHERE version_number > 0;
CREATE UNIQUE INDEX workflow_versions_test ON workflow_versions (workspace_id, workflow_id, sha256)
  WHERE version_number = 0;
CREATE INDEX workflow_versions_sha256 ON workflow_versions (workspace_id, workflow_id, sha256);

CREATE TABLE triggers (
  workspace_id BLOB NOT NULL,
  id BLOB NOT NULL,
  workflow_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  node_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  config TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config)),
  is_active INTEGER NOT NULL DEFAULT 1,
  cursor TEXT CHECK (cursor IS NULL OR json_valid(cursor)),
  last_fired_at INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX triggers_node ON triggers (workspace_id, workflow_id, node_key);

-- The id is the address and the secret; everything else is looked up by it.
CREATE TABLE webhook_routes (
  workspace_id BLOB NOT NULL,
  id BLOB NOT NULL PRIMARY KEY,
  workflow_id BLOB NOT NULL,
  trigger_id BLOB,
  version_id BLOB NOT NULL,
  node_key TEXT NOT NULL,
  is_test INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_routes_node ON webhook_routes (workspace_id, workflow_id, node_key, is_test);

CREATE TABLE workflow_static_data (
  workspace_id BLOB NOT NULL,
  workflow_id BLOB NOT NULL,
  data TEXT NOT NULL CHECK (json_valid(data)),
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, workflow_id),
  FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Executions: a small mutable head; the journal is what happened.
-- Conditions of more than two words are written out: SQLite builds a table for each IN whenever it checks a row.
CREATE TABLE executions (
  workspace_id BLOB NOT NULL,
  id BLOB NOT NULL,
  workflow_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  status TEXT NOT NULL CHECK (
    status = 'completed' OR status = 'queued' OR status = 'running' OR status = 'waiting' OR status = 'paused'
    OR status = 'failed' OR status = 'cancelled' OR status = 'timed_out'),
  mode TEXT NOT NULL,
  trigger_kind TEXT NOT NULL,
  trigger_node TEXT NOT NULL,
  parent_id BLOB,
  parent_step INTEGER,
  parent_call INTEGER,
  parent_waits INTEGER,
  depth INTEGER NOT NULL DEFAULT 0,
  retry_of BLOB,
  priority INTEGER NOT NULL DEFAULT 0,
  concurrency_key TEXT,
  options TEXT NOT NULL DEFAULT '{}',
  created_by BLOB,
  seq INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  lease_owner BLOB,
  lease_until INTEGER,
  deaths INTEGER NOT NULL DEFAULT 0,
  run_us INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  accepted_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX executions_workflow ON executions (workspace_id, workflow_id, id);
CREATE INDEX executions_leased ON executions (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX executions_open ON executions (workspace_id, status, id)
  WHERE status = 'queued' OR status = 'running' OR status = 'waiting' OR status = 'paused';
CREATE INDEX executions_troubled ON executions (workspace_id, status, id)
  WHERE status = 'failed' OR status = 'cancelled' OR status = 'timed_out';
CREATE INDEX executions_troubled_workflow ON executions (workspace_id, workflow_id, status, id)
  WHERE status = 'failed' OR status = 'cancelled' OR status = 'timed_out';
CREATE INDEX executions_mode ON executions (workspace_id, mode, id)
  WHERE mode = 'manual' OR mode = 'test' OR mode = 'replay' OR mode = 'error';
CREATE INDEX executions_mode_workflow ON executions (workspace_id, workflow_id, mode, id)
  WHERE mode = 'manual' OR mode = 'test' OR mode = 'replay' OR mode = 'error';
CREATE INDEX executions_parent ON executions (workspace_id, parent_id) WHERE parent_id IS NOT NULL;

CREATE TRIGGER executions_final BEFORE UPDATE ON executions
  WHEN old.status = 'completed' OR old.status = 'failed' OR old.status = 'cancelled' OR old.status = 'timed_out'
BEGIN
  SELECT raise(ABORT, 'an execution that has ended never changes');
END;

-- With rows in the order of their arrival: whatever workspaces they belong to, they fill one page after the other.
CREATE TABLE execution_events (
  workspace_id BLOB NOT NULL,
  execution_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  node_key TEXT,
  run_index INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  duration_us INTEGER,
  -- JSON, or JSON compressed with zstd; absent when a blob holds it.
  payload BLOB,
  payload_ref BLOB,
  worker_id BLOB,
  PRIMARY KEY (workspace_id, execution_id, seq)
) STRICT;

CREATE TRIGGER execution_events_append_only BEFORE UPDATE ON execution_events
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TABLE execution_queue (
  workspace_id BLOB NOT NULL,
  execution_id BLOB NOT NULL,
  workflow_id BLOB NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  concurrency_key TEXT,
  deaths INTEGER NOT NULL DEFAULT 0,
  queued_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, execution_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX execution_queue_ready ON execution_queue (workspace_id, workflow_id, priority DESC, queued_at, execution_id);

CREATE TABLE execution_signals (
  workspace_id BLOB NOT NULL,
  execution_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  payload BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, execution_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE execution_waits (
  workspace_id BLOB NOT NULL,
  execution_id BLOB NOT NULL,
  step INTEGER NOT NULL,
  node_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  options TEXT NOT NULL,
  until_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, execution_id, step)
) STRICT, WITHOUT ROWID;
-- Resume addresses name the execution only.
CREATE INDEX execution_waits_execution ON execution_waits (execution_id);

-- The only clock. A row belongs to an execution or to a trigger.
CREATE TABLE timers (
  workspace_id BLOB NOT NULL,
  owner_kind TEXT NOT NULL CHECK (owner_kind IN ('execution', 'trigger')),
  owner_id BLOB NOT NULL,
  key TEXT NOT NULL DEFAULT '',
  due_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, owner_kind, owner_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (owner_kind, due_at);

CREATE TABLE trigger_occurrences (
  workspace_id BLOB NOT NULL,
  trigger_id BLOB NOT NULL,
  due_at INTEGER NOT NULL,
  started INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, trigger_id, due_at),
  FOREIGN KEY (workspace_id, trigger_id) REFERENCES triggers (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What was accepted already: webhook deliveries and starts with a key.
CREATE TABLE inbox_events (
  workspace_id BLOB NOT NULL,
  scope BLOB NOT NULL,
  dedupe_key TEXT NOT NULL,
  execution_id BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, scope, dedupe_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_events_expires ON inbox_events (expires_at);

-- Answers to requests that came with an Idempotency-Key.
CREATE TABLE idempotency_keys (
  workspace_id BLOB NOT NULL,
  key TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  status INTEGER,
  body TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- The outbox: what the rest of the product should know.
CREATE TABLE domain_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  subject BLOB NOT NULL,
  data TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE blobs (
  workspace_id BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  codec TEXT NOT NULL CHECK (codec IN ('none', 'zstd')),
  refcount INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_unused ON blobs (workspace_id) WHERE refcount <= 0;

CREATE TABLE workers (
  id BLOB NOT NULL PRIMARY KEY,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'draining', 'dead'))
) STRICT, WITHOUT ROWID;

-- Secrets. The key of a workspace is wrapped by the key of the instance.
CREATE TABLE data_keys (
  workspace_id BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  wrapped_key BLOB NOT NULL,
  kek_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'retired')),
  retired_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
  workspace_id BLOB NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  ciphertext BLOB NOT NULL,
  key_version INTEGER NOT NULL,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX credentials_name ON credentials (workspace_id, kind, name);

-- The steps of executions, from the rows of the journal: the only record of what happened.
CREATE VIEW steps AS
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
    coalesce(sum(duration_us), 0) AS duration_us
  FROM execution_events WHERE node_key IS NOT NULL AND kind <> 'triggered'
  GROUP BY workspace_id, execution_id, node_key, run_index
) AS run
JOIN execution_events AS latest ON latest.workspace_id = run.workspace_id
  AND latest.execution_id = run.execution_id AND latest.seq = run.last_seq
JOIN executions ON executions.workspace_id = run.workspace_id AND executions.id = run.execution_id;

-- The same under the names that others know.
CREATE VIEW node_executions AS SELECT * FROM steps;
CREATE VIEW execution_steps AS SELECT * FROM steps;
