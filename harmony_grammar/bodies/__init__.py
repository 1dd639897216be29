"""The bodies of system and developer messages, read back as data."""

from harmony_grammar.bodies.reading import (
    OFF_TEMPLATE,
    BodyReading,
    read_body,
    read_type,
    with_bodies,
)

__all__ = ["OFF_TEMPLATE", "BodyReading", "read_body", "read_type", "with_bodies"]
