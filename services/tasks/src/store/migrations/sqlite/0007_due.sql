-- A job without a time is due at once, also if the clock of its creator is ahead of that of the database.
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (user_id, type, COALESCE(run_at, 0))
    WHERE status = 'pending' AND type <> 'manual' AND length(type) <> 200;
