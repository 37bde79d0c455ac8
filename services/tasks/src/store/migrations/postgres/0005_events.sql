-- The numbers of each user's events. A row stays locked from the next number to the commit, so numbers become visible in
-- their order.
CREATE TABLE event_counters (
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    last BIGINT NOT NULL,
    removed_up_to BIGINT NOT NULL
);

CREATE TABLE events (
    user_id UUID NOT NULL REFERENCES event_counters (user_id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    task_id UUID NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, number)
);

CREATE INDEX events_created ON events (created_at);
