"""Which frames are looked at: one module per sampler. See `videoscan.seams.Sampler`."""
