"""Which frames are near-identical to one that was kept. See `videoscan.seams.Dedup`."""
