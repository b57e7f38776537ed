"""Events cut out of their footage as videos: a clip each, or one reel."""
