"""EdgeGAN: take a trained GAN generator to an edge device, and say what that cost."""

__version__ = "0.1.0"
