"""Alerts: rules over events, what they have met so far, and whom they are told."""
