ALTER TABLE tasks ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN result_key TEXT;
ALTER TABLE tasks ADD COLUMN result_type TEXT;
ALTER TABLE tasks ADD COLUMN result_bytes INTEGER;

-- Claims rotate among the users with waiting jobs, in the order of this number.
ALTER TABLE user_usage ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX user_usage_turn ON user_usage (turn, user_id) WHERE pending > 0;

-- Each index of the work has a condition of its own, which is always true. So the planner of a list cannot choose it.
-- A job is due at its time, or from its creation on.
CREATE INDEX tasks_due ON tasks (user_id, type, COALESCE(run_at, created_at))
    WHERE status = 'pending' AND type <> 'manual' AND length(type) <> 200;
-- The place of a job among those of its user: a higher priority is worth ten minutes.
CREATE INDEX tasks_place ON tasks (user_id, COALESCE(run_at, created_at) - priority * 600000, id)
    WHERE status = 'pending' AND type <> 'manual' AND length(type) <> 201;
CREATE INDEX tasks_unfinished ON tasks (type, status, COALESCE(run_at, created_at))
    WHERE type <> 'manual' AND status IN ('pending', 'processing', 'failed') AND length(type) <> 202;

-- What is past its retention.
CREATE INDEX tasks_ended ON tasks (finished_at) WHERE finished_at IS NOT NULL AND type <> 'manual';
CREATE INDEX tasks_results ON tasks (finished_at) WHERE result_key IS NOT NULL;
CREATE INDEX idempotency_keys_all ON idempotency_keys (created_at);

CREATE TABLE attempts (
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    type TEXT NOT NULL,
    worker TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    error TEXT,
    PRIMARY KEY (task_id, fence)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_running ON attempts (lease_until) WHERE ended_at IS NULL;

CREATE TABLE job_types (
    type TEXT NOT NULL PRIMARY KEY,
    paused_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE leaders (
    duty TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
