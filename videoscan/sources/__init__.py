"""Where pictures come from: one module per source. See `videoscan.seams.Source`."""
