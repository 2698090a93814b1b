"""The captured generator as a torch.export graph, its exact rewrites, their checks and costs."""
