"""One pass over a source: cut into segments, each decoded, sampled, deduplicated and reduced to what is kept of it."""
