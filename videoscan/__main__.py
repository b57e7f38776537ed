"""``python -m videoscan`` and the command ``videoscan``."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Ctrl-C before it has even started is an interrupt like any other, without a traceback."""
    try:
        from videoscan import cli
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    cli.main()


if __name__ == "__main__":
    main()
