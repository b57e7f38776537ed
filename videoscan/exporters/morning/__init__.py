"""The morning report: several cameras, one night, one page."""
