"""Many timelines in one SQLite file, searched by words. Start with `videoscan.library.store.Library`.

It holds whole timelines, corrections included, so that it answers when their folders are gone; their pictures stay in the folders.
"""
