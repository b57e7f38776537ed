"""A person's corrections, and the selection of events a command works on."""
