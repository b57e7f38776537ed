"""videoscan turns hours of video into a timeline a person can trust."""

__version__ = "0.1.0"
