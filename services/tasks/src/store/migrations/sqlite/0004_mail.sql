-- The attempts to send a mail on the last day on which there was one. A day is a number of days since 1970 (UTC).
CREATE TABLE mails_of_users (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The same for all users together: one row. It remains when a user is deleted.
CREATE TABLE mails_of_all (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    day INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
