"""Training a zoo GAN: recipe, data, losses, the loop."""
