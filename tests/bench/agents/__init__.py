"""Scripted traces of agents: what an attack makes them do, and what people ask of them."""
