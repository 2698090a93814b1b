"""Structured channel pruning, and distillation from the original."""
