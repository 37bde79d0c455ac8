CREATE TABLE tasks (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    assignee_id UUID REFERENCES users (id) ON DELETE SET NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    attempts SMALLINT NOT NULL,
    max_attempts SMALLINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    run_at BIGINT,
    cancel_requested_at BIGINT,
    started_at BIGINT,
    finished_at BIGINT,
    error TEXT,
    title TEXT,
    description TEXT,
    search TEXT NOT NULL,
    payload TEXT
);

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
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tasks BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    task_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, operation, key)
);

CREATE INDEX idempotency_keys_created ON idempotency_keys (user_id, created_at);
