-- The numbers of each user's events. A row stays locked from the next number to the commit, so numbers become visible in
-- their order.
CREATE TABLE event_counters (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    last INTEGER NOT NULL,
    removed_up_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    user_id BLOB NOT NULL REFERENCES event_counters (user_id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    task_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_created ON events (created_at);
