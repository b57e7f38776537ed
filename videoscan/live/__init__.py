"""Live sources: cameras' streams, devices, files played in real time, and folders into which recorders write."""
