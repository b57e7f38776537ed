"""What the INPUT arguments name: recordings, their cameras, their clocks and the folders their output goes to."""
