-- The messages that a broker has not received yet. A row is written with the change of its task, and removed when the broker
-- has the message.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    -- Another process sends it until then.
    taken_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (due_at, id);
