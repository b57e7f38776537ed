"""Timelines in other programs' formats. See `videoscan.seams.Exporter`."""
