"""Training on several ranks: what of a step is not hidden behind computation, and what follows."""
