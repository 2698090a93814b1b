"""On the device: the variants of a bundle become engines, and the fastest whose pictures hold the gate is kept."""
