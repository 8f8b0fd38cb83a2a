-- The names under which others know these things. They show what the columns hold.

CREATE VIEW execution_node_state AS SELECT * FROM steps;

CREATE VIEW workflow_executions AS
SELECT workspace_id, id, workflow_id, version_id, status, mode, trigger_kind AS trigger_type, parent_id, retry_of,
  priority, error AS error_message, created_by, accepted_at AS started_at, finished_at AS completed_at,
  run_us / 1000 AS run_ms,
  (finished_at - accepted_at) / 1000 AS duration_ms
FROM executions;

CREATE VIEW execution AS SELECT * FROM workflow_executions;

-- The graph is one document per version; these are its parts.
CREATE VIEW workflow_nodes AS
SELECT version.workspace_id, version.workflow_id, version.id AS version_id, version.version_number,
  coalesce(version.id = workflows.published_version_id, 0) AS is_published,
  node.value ->> 'key' AS node_key, node.value ->> 'type' AS node_type, node.value ->> 'name' AS name,
  node.value ->> '$.position[0]' AS position_x,
  node.value ->> '$.position[1]' AS position_y,
  coalesce(node.value -> 'parameters', '{}') AS config,
  NOT coalesce(node.value ->> 'disabled', 0) AS is_enabled
FROM workflow_versions AS version
JOIN workflows ON workflows.workspace_id = version.workspace_id AND workflows.id = version.workflow_id
JOIN json_each(version.definition, '$.nodes') AS node;

CREATE VIEW workflow_edges AS
SELECT version.workspace_id, version.workflow_id, version.id AS version_id, version.version_number,
  coalesce(version.id = workflows.published_version_id, 0) AS is_published,
  edge.value ->> 'source' AS source_node_key, edge.value ->> 'target' AS target_node_key,
  coalesce(edge.value ->> 'source_port', 'main') AS source_handle,
  coalesce(edge.value ->> 'target_port', 'main') AS target_handle,
  coalesce(edge.value ->> 'kind', 'data') AS edge_type, edge.value -> 'condition' AS condition,
  coalesce(edge.value ->> 'enabled', 1) AS is_enabled
FROM workflow_versions AS version
JOIN workflows ON workflows.workspace_id = version.workspace_id AND workflows.id = version.workflow_id
JOIN json_each(version.definition, '$.edges') AS edge;

CREATE VIEW workflow_connections AS SELECT * FROM workflow_edges;

CREATE VIEW workflow_triggers AS
SELECT triggers.workspace_id, triggers.id, triggers.workflow_id, triggers.version_id, triggers.node_key,
  triggers.kind AS trigger_type, triggers.config, triggers.is_active, timers.due_at AS next_run_at,
  triggers.last_fired_at AS last_run_at, triggers.last_error, triggers.created_at, triggers.updated_at
FROM triggers LEFT JOIN timers ON timers.workspace_id = triggers.workspace_id AND timers.owner_kind = 'trigger'
  AND timers.owner_id = triggers.id AND timers.key = '';

CREATE VIEW workflow_schedules AS
SELECT * FROM workflow_triggers WHERE trigger_type = 'schedule';

CREATE VIEW teams AS
SELECT id, name, slug, owner_user_id AS owner_id, settings, is_active, created_at, updated_at FROM workspaces;

CREATE VIEW team_members AS
SELECT workspace_id AS team_id, user_id, role, joined_at FROM workspace_members;

-- Without the secrets.
CREATE VIEW user_integrations AS
SELECT workspace_id, id, name, kind, created_by AS user_id, created_at, updated_at FROM credentials;

CREATE VIEW connections AS SELECT * FROM user_integrations;

-- The last 30 days of every workflow, also of one that did not run.
CREATE VIEW workflow_execution_summary AS
SELECT workflows.workspace_id, workflows.id AS workflow_id, workflows.name AS workflow_name,
  count(run.id) AS total_executions,
  count(run.id) FILTER (WHERE run.status = 'completed') AS completed_executions,
  count(run.id) FILTER (WHERE run.status IN ('failed', 'timed_out')) AS failed_executions,
  count(run.id) FILTER (WHERE run.status = 'cancelled') AS cancelled_executions,
  avg(run.duration_ms) AS avg_duration_ms,
  min(run.duration_ms) AS min_duration_ms, max(run.duration_ms) AS max_duration_ms,
  count(run.id) FILTER (WHERE run.status IN ('failed', 'timed_out')) * 100.0
    / nullif(count(run.id), 0) AS failure_rate,
  max(run.started_at) AS last_execution_at
FROM workflows LEFT JOIN workflow_executions AS run ON run.workspace_id = workflows.workspace_id
  AND run.workflow_id = workflows.id AND run.started_at > (unixepoch() - 30 * 86400) * 1000000
WHERE workflows.deleted_at IS NULL
GROUP BY workflows.workspace_id, workflows.id, workflows.name;

CREATE VIEW queue_status AS
SELECT workspace_id, workflow_id, count(*) AS queued, max(priority) AS highest_priority, min(queued_at) AS oldest_at,
  count(*) FILTER (WHERE deaths > 0) AS suspects
FROM execution_queue GROUP BY workspace_id, workflow_id;
