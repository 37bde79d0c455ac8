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

-- Without statistics of these columns, the plan of a list does not depend on the tasks that PostgreSQL saw last.
ALTER TABLE tasks
    ALTER COLUMN id SET STATISTICS 0, ALTER COLUMN user_id SET STATISTICS 0, ALTER COLUMN assignee_id SET STATISTICS 0,
    ALTER COLUMN status SET STATISTICS 0, ALTER COLUMN type SET STATISTICS 0, ALTER COLUMN priority SET STATISTICS 0;

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
