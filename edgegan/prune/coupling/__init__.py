"""Which channels of which tensors go together: what has to lose a channel where another one does.

Every index along every axis of every weight is an atom; each operator ties atoms of what it reads to atoms of what it
gives, or fixes them. What is tied in the end is a channel: it can be cut out of all its tensors at once, and the graph
that is left computes by construction (after the dependency graph of Fang et al. 2023, arXiv:2301.12900, but index by
index, over functional code).
"""
