"""Adapters for the programs that sample: each brings the engine's masks to its host's arrays."""
