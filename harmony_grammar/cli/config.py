"""Which lint rules apply: options, and the nearest `pyproject.toml`.

    [tool.harmony-grammar]
    select = ["invalid-json", "undeclared-tool"]
    ignore = ["kept-reasoning"]

    [tool.harmony-grammar.severity]
    undeclared-tool = "error"

An option replaces what the file says under the same name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.checking.lint import Lint
from harmony_grammar.cli.output import Misuse, one_line
from harmony_grammar.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["chosen_lint"]

_FILE: Final = "pyproject.toml"
_TABLE: Final = "harmony-grammar"
_KEYS: Final = ("select", "ignore", "severity")


def chosen_lint(select: Sequence[str] | None, ignore: Sequence[str] | None) -> Lint:
    """The lint rules that options and the nearest `pyproject.toml` choose.

    Args:
        select: codes, or several with commas between; None if the option was not given.
        ignore: the same, for rules that are left out.

    Raises:
        Misuse: if there is no such rule or severity, or the file cannot be read.
    """
    path = _nearest()
    table = {} if path is None else _table(path)
    said = "" if path is None else f"{one_line(str(path))}: [tool.{_TABLE}]: "
    configured = _lint(said, table.get("select"), table.get("ignore"), table.get("severity"))
    chosen = configured.select if select is None else _codes(select)
    ignored = configured.ignore if ignore is None else _codes(ignore)
    return _made("", chosen, ignored, dict(configured.severities))


def _nearest() -> Path | None:
    here = Path.cwd()
    return next((p for d in (here, *here.parents) if (p := d / _FILE).is_file()), None)


def _table(path: Path) -> dict[str, Any]:
    """The project's own table of a file; empty if it has none."""
    shown = one_line(str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(f"{shown}: {error}") from None
    if _TABLE not in text:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415  few projects need it
    else:
        import tomli as tomllib  # noqa: PLC0415
    try:
        table = tomllib.loads(text).get("tool", {}).get(_TABLE, {})
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise Misuse(f"{shown}: this is no TOML: {error}") from None
    if not isinstance(table, dict):
        raise Misuse(f"{shown}: tool.{_TABLE} must be a table")
    for key in table:
        if key not in _KEYS:
            raise Misuse(f"{shown}: [tool.{_TABLE}]: there is no `{key}`, but {', '.join(_KEYS)}")
    return table


def _lint(said: str, select: Any, ignore: Any, severity: Any) -> Lint:
    for key, value in (("select", select), ("ignore", ignore)):
        if value is not None and not _is_list_of_codes(value):
            raise Misuse(f"{said}`{key}` must be a list of codes")
    if not isinstance(severity or {}, dict):
        raise Misuse(f'{said}`severity` must be a table of codes and "error" or "warning"')
    severities = {code: _severity(said, code, value) for code, value in (severity or {}).items()}
    chosen = None if select is None else frozenset(select)
    return _made(said, chosen, frozenset(ignore or ()), severities)


def _is_list_of_codes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _severity(said: str, code: str, value: Any) -> Severity:
    known = [severity.value for severity in Severity]
    if value not in known:
        raise Misuse(f"{said}the severity of `{code}` is {value!r}, not {' or '.join(known)}")
    return Severity(value)


def _made(
    said: str,
    select: frozenset[str] | None,
    ignore: frozenset[str],
    severities: dict[str, Severity],
) -> Lint:
    try:
        return Lint(select, ignore, severities)
    except ValueError as error:
        raise Misuse(f"{said}{error}") from None


def _codes(given: Sequence[str]) -> frozenset[str]:
    """The codes of an option that may be given several times, with commas."""
    return frozenset(code.strip() for text in given for code in text.split(",") if code.strip())
