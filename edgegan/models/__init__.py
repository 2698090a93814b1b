"""The zoo: a file per family, weights as safetensors beside their origin."""
