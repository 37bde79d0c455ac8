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

-- A list reads ranges of these indexes: see statements/lists.rs. A group is the tasks with the same status, type and
-- priority. Each index of groups has its own condition, which is always true and which only its statements repeat. So no
-- database uses another one for them. Most tasks have no assignee and are in the first seven indexes only.
CREATE INDEX tasks_user_created ON tasks (user_id, id);
CREATE INDEX tasks_user_updated ON tasks (user_id, updated_at, id);
CREATE INDEX tasks_user_priority ON tasks (user_id, priority, id);
CREATE INDEX tasks_group_created ON tasks (status, type, priority, id) WHERE length(type) <> 100;
CREATE INDEX tasks_group_updated ON tasks (status, type, priority, updated_at, id) WHERE length(type) <> 101;
CREATE INDEX tasks_user_group_created ON tasks (user_id, status, type, priority, id) WHERE length(type) <> 102;
CREATE INDEX tasks_user_group_updated ON tasks (user_id, status, type, priority, updated_at, id)
    WHERE length(type) <> 103;
CREATE INDEX tasks_assignee_created ON tasks (assignee_id, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_assignee_updated ON tasks (assignee_id, updated_at, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_assignee_priority ON tasks (assignee_id, priority, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_assignee_group_created ON tasks (assignee_id, status, type, priority, id)
    WHERE assignee_id IS NOT NULL AND length(type) <> 104;
CREATE INDEX tasks_assignee_group_updated ON tasks (assignee_id, status, type, priority, updated_at, id)
    WHERE assignee_id IS NOT NULL AND length(type) <> 105;
CREATE INDEX tasks_user_assignee_group_created ON tasks (user_id, assignee_id, status, type, priority, id)
    WHERE assignee_id IS NOT NULL AND length(type) <> 106;
CREATE INDEX tasks_user_assignee_group_updated
    ON tasks (user_id, assignee_id, status, type, priority, updated_at, id)
    WHERE assignee_id IS NOT NULL AND length(type) <> 107;

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
