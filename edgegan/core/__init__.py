"""What all rooms share: errors, specs, targets, manifests, seeded inputs, stages. Standard library and numpy only."""
