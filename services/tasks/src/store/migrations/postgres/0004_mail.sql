-- The attempts to send a mail on the last day on which there was one. A day is a number of days since 1970 (UTC).
CREATE TABLE mails_of_users (
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);

-- The same for all users together: one row. It remains when a user is deleted.
CREATE TABLE mails_of_all (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    day BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);
