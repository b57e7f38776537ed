"""``python -m videoscan`` is the command ``videoscan``."""

from videoscan.cli import main

if __name__ == "__main__":
    main()
