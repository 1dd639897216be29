"""One formal grammar of OpenAI's harmony format, and everything derived from it."""

__version__ = "0.1.0"
