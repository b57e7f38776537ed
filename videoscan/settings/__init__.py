"""The tables of a profile: layers of them, what may stand in them, and what is said when something else does."""
