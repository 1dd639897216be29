"""One formal grammar of OpenAI's harmony format, and everything derived from it.

Names are loaded when they are first used, so that importing the package costs next to nothing.
Which there are, and where, stands in `__init__.pyi` alone.

Example:
    >>> import harmony_grammar as hg
    >>> hg.parse("<|start|>user<|message|>Hi<|end|>").messages[0].author.role.value
    'user'
"""

from importlib import import_module

__version__ = "0.1.0"


def _homes() -> dict[str, str]:
    """The module of each public name: each stands in a line `from MODULE import NAME as NAME`."""
    stub = __loader__.get_data(f"{__path__[0]}/__init__.pyi").decode()
    lines = (line.split() for line in stub.splitlines() if line.startswith("from "))
    return {name: module for _, module, _, name, *_ in lines}


_HOME_OF = _homes()

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  the stub says it to who cannot run this


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
