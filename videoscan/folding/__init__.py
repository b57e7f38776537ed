"""From what windows told to events: the parts of the fold in `videoscan.timeline`. Pure."""
