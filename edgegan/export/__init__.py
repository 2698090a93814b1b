"""One file per backend: a Graph becomes an artifact."""
