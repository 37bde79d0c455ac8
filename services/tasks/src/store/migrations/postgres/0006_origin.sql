-- The request that created a task, for the log lines of its runs.
ALTER TABLE tasks ADD COLUMN origin TEXT CHECK (length(origin) <= 1024);
