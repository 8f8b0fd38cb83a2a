-- The names under which others know these things. They show what the columns hold, with the rights of whoever asks.

CREATE VIEW execution_node_state WITH (security_invoker = true) AS SELECT * FROM steps;

CREATE VIEW workflow_executions WITH (security_invoker = true) AS
SELECT workspace_id, id, workflow_id, version_id, status, mode, trigger_kind AS trigger_type, parent_id, retry_of,
  priority, error AS error_message, created_by, accepted_at AS started_at, finished_at AS completed_at,
  run_us / 1000 AS run_ms,
  (extract(epoch FROM finished_at - accepted_at) * 1000)::bigint AS duration_ms
FROM executions;

CREATE VIEW execution WITH (security_invoker = true) AS SELECT * FROM workflow_executions;

-- The graph is one document per version; these are its parts.
CREATE VIEW workflow_nodes WITH (security_invoker = true) AS
SELECT version.workspace_id, version.workflow_id, version.id AS version_id, version.version_number,
  coalesce(version.id = workflows.published_version_id, false) AS is_published,
  node ->> 'key' AS node_key, node ->> 'type' AS node_type, node ->> 'name' AS name,
  (node -> 'position' ->> 0)::double precision AS position_x,
  (node -> 'position' ->> 1)::double precision AS position_y,
  coalesce(node -> 'parameters', '{}')::text AS config,
  NOT coalesce((node ->> 'disabled')::boolean, false) AS is_enabled
FROM workflow_versions AS version
JOIN workflows ON workflows.workspace_id = version.workspace_id AND workflows.id = version.workflow_id
CROSS JOIN LATERAL jsonb_array_elements(coalesce(version.definition::jsonb -> 'nodes', '[]')) AS node;

CREATE VIEW workflow_edges WITH (security_invoker = true) AS
SELECT version.workspace_id, version.workflow_id, version.id AS version_id, version.version_number,
  coalesce(version.id = workflows.published_version_id, false) AS is_published,
  edge ->> 'source' AS source_node_key, edge ->> 'target' AS target_node_key,
  coalesce(edge ->> 'source_port', 'main') AS source_handle, coalesce(edge ->> 'target_port', 'main') AS target_handle,
  coalesce(edge ->> 'kind', 'data') AS edge_type, (edge -> 'condition')::text AS condition,
  coalesce((edge ->> 'enabled')::boolean, true) AS is_enabled
FROM workflow_versions AS version
JOIN workflows ON workflows.workspace_id = version.workspace_id AND workflows.id = version.workflow_id
CROSS JOIN LATERAL jsonb_array_elements(coalesce(version.definition::jsonb -> 'edges', '[]')) AS edge;

CREATE VIEW workflow_connections WITH (security_invoker = true) AS SELECT * FROM workflow_edges;

CREATE VIEW workflow_triggers WITH (security_invoker = true) AS
SELECT triggers.workspace_id, triggers.id, triggers.workflow_id, triggers.version_id, triggers.node_key,
  triggers.kind AS trigger_type, triggers.config, triggers.is_active, timers.due_at AS next_run_at,
  triggers.last_fired_at AS last_run_at, triggers.last_error, triggers.created_at, triggers.updated_at
FROM triggers LEFT JOIN timers ON timers.workspace_id = triggers.workspace_id AND timers.owner_kind = 'trigger'
  AND timers.owner_id = triggers.id AND timers.key = '';

CREATE VIEW workflow_schedules WITH (security_invoker = true) AS
SELECT * FROM workflow_triggers WHERE trigger_type = 'schedule';

CREATE VIEW teams WITH (security_invoker = true) AS
SELECT id, name, slug, owner_user_id AS owner_id, settings, is_active, created_at, updated_at FROM workspaces;

CREATE VIEW team_members WITH (security_invoker = true) AS
SELECT workspace_id AS team_id, user_id, role, joined_at FROM workspace_members;

-- Without the secrets.
CREATE VIEW user_integrations WITH (security_invoker = true) AS
SELECT workspace_id, id, name, kind, created_by AS user_id, created_at, updated_at FROM credentials;

CREATE VIEW connections WITH (security_invoker = true) AS SELECT * FROM user_integrations;

-- The last 30 days of every workflow, also of one that did not run.
CREATE VIEW workflow_execution_summary WITH (security_invoker = true) AS
SELECT workflows.workspace_id, workflows.id AS workflow_id, workflows.name AS workflow_name,
  count(run.id) AS total_executions,
  count(run.id) FILTER (WHERE run.status = 'completed') AS completed_executions,
  count(run.id) FILTER (WHERE run.status IN ('failed', 'timed_out')) AS failed_executions,
  count(run.id) FILTER (WHERE run.status = 'cancelled') AS cancelled_executions,
  avg(run.duration_ms)::double precision AS avg_duration_ms,
  min(run.duration_ms) AS min_duration_ms, max(run.duration_ms) AS max_duration_ms,
  count(run.id) FILTER (WHERE run.status IN ('failed', 'timed_out')) * 100.0::double precision
    / nullif(count(run.id), 0) AS failure_rate,
  max(run.started_at) AS last_execution_at
FROM workflows LEFT JOIN workflow_executions AS run ON run.workspace_id = workflows.workspace_id
  AND run.workflow_id = workflows.id AND run.started_at > now() - interval '30 days'
WHERE workflows.deleted_at IS NULL
GROUP BY workflows.workspace_id, workflows.id, workflows.name;

CREATE VIEW queue_status WITH (security_invoker = true) AS
SELECT workspace_id, workflow_id, count(*) AS queued, max(priority) AS highest_priority, min(queued_at) AS oldest_at,
  count(*) FILTER (WHERE deaths > 0) AS suspects
FROM execution_queue GROUP BY workspace_id, workflow_id;
