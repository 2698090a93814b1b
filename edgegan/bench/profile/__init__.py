"""Time per layer of an artifact, by the vendor's own profiler."""
