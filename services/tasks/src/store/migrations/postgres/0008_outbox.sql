-- The messages that a broker has not received yet. A row is written with the change of its task, and removed when the broker
-- has the message.
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id UUID NOT NULL,
    user_id UUID NOT NULL,
    due_at BIGINT NOT NULL,
    -- Another process sends it until then.
    taken_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (due_at, id);
