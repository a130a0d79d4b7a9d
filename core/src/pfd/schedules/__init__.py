"""Jobs at the times of a cron expression: what a schedule is, its table, and who fires it."""
