"""Types of tools: JSON Schema on one side, the TypeScript of a prompt on the other."""

from harmony_grammar.schemas.from_types import schema_of

__all__ = ["schema_of"]
