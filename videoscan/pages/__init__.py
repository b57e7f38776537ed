"""Pages of `videoscan frames`, each one HTML file: why frames were kept or dropped, and an editor for regions."""
