"""Side-by-side runs of EdgeGAN and of the tools that a user would pick instead: python -m benchmarks.NAME."""
