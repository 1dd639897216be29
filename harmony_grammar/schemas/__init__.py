"""Types of tools: JSON Schema on one side, the TypeScript of a prompt on the other."""
