CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    assignee_id BLOB REFERENCES users (id) ON DELETE SET NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    run_at INTEGER,
    cancel_requested_at INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    error TEXT,
    title TEXT,
    description TEXT,
    search TEXT NOT NULL,
    payload TEXT
) STRICT;

-- A list walks one of these in its order. The last columns are those that a list filters by.
CREATE INDEX tasks_user_created ON tasks (user_id, id, status, type, priority);
CREATE INDEX tasks_user_updated ON tasks (user_id, updated_at, id, status, type, priority);
CREATE INDEX tasks_user_priority ON tasks (user_id, priority, id, status, type);
CREATE INDEX tasks_assignee_created ON tasks (assignee_id, id, user_id, status, type, priority)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_assignee_updated ON tasks (assignee_id, updated_at, id, user_id, status, type, priority)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_assignee_priority ON tasks (assignee_id, priority, id, user_id, status, type)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_created ON tasks (id, status, type, priority);
CREATE INDEX tasks_updated ON tasks (updated_at, id, status, type, priority);
CREATE INDEX tasks_priority ON tasks (priority, id, status, type);

CREATE TABLE user_usage (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tasks INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    task_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, operation, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_created ON idempotency_keys (user_id, created_at);
