"""Real clients, each in a program of its own, in front of a proxy and a provider that plays the model."""
