"""What words mean, as far as rules can tell: languages, words of a search, and what a title says of its subject. Pure."""
