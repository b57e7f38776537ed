"""Who says in words what pictures show. See `videoscan.seams.Describer`."""
