"""Scans as jobs of a service: what may be submitted, what is kept of them, and who works them off."""
