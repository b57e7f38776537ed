"""Evidence bundles: one zip that shows later what was seen, and the check of one."""
