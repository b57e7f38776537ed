"""Where a service keeps what must outlive it. SQLite is the only place that imports `sqlite3` for it."""
