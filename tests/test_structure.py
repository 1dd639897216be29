"""The house: what may import what, what may spell what, and how large things may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import harmony_grammar as hg

PACKAGE = Path(hg.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 600
MOST_FUNCTION_LINES = 60

# A part of the package and what it may import, besides itself. Imports run one way.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "tokens": set(),
    "tree": {"errors", "tokens"},
    "grammar": {"errors", "tokens", "tree", "vocabulary"},
    "vocabulary": {"errors", "tokens"},
    "schemas": {"errors"},
    "inputs": {"errors", "tokens", "tree", "grammar", "vocabulary"},
    "bodies": {"errors", "tree", "grammar", "schemas"},
    "checking": {"errors", "tokens", "tree", "grammar", "bodies", "schemas"},
    "reading": {"errors", "tokens", "tree", "grammar", "checking", "inputs", "vocabulary"},
    "writing": {
        *("errors", "tokens", "tree", "grammar", "vocabulary", "checking", "bodies", "schemas"),
        "reading",
    },
    "streaming": {
        *("errors", "tree", "grammar", "vocabulary", "checking", "inputs", "reading", "writing"),
    },
    "masking": {"errors", "tokens", "tree", "grammar", "vocabulary", "schemas"},
    "integrations": {"errors", "tokens", "masking"},
    "api": {
        *("errors", "tokens", "tree", "grammar", "vocabulary", "checking", "writing", "inputs"),
        *("reading", "streaming", "masking", "bodies", "schemas"),
    },
    "compat": {
        *("errors", "tokens", "tree", "grammar", "vocabulary", "checking", "inputs", "reading"),
        *("bodies", "streaming", "writing", "schemas", "api"),
    },
    "openai": {
        *("errors", "tree", "grammar", "checking", "inputs", "bodies", "writing", "streaming"),
        *("masking", "api"),
    },
    "training": {"tree", "bodies", "writing", "api", "openai"},
    "strategies": {"errors", "tokens", "tree", "grammar", "masking", "bodies", "api"},
    "docs": {"errors", "tokens", "tree", "grammar", "checking", "inputs", "reading", "api"},
    "view": {
        *("errors", "tokens", "tree", "grammar", "checking", "reading", "vocabulary", "api"),
        *("bodies", "writing"),
    },
}
ANYTHING = {"cli", "__init__", "__main__"}
# A module that may import more than the rest of its part does.
MAY_IMPORT_TOO = {
    # The channels of a system message are those of the grammar, unless others are given.
    "tree/contents.py": {"grammar"},
    # A constraint made of a prompt needs the prompt to be read; all other masking does not.
    "masking/prompt.py": {"tree", "reading", "inputs", "bodies", "schemas", "checking"},
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    return {name.split(".")[1] for name in names if name.startswith("harmony_grammar.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    part = part_of(path)
    if part not in ANYTHING:
        more = MAY_IMPORT_TOO.get(path.relative_to(PACKAGE).as_posix(), set())
        assert imported(path) - {part} <= MAY_IMPORT[part] | more


def test_no_part_imports_one_that_imports_it() -> None:
    def reached(part: str) -> set[str]:
        return MAY_IMPORT[part].union(*(reached(other) for other in MAY_IMPORT[part]))

    for part in MAY_IMPORT:
        assert part not in reached(part)


def docstrings(tree: ast.AST) -> set[int]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, kinds)]
    firsts = [body[0] for body in bodies if body and isinstance(body[0], ast.Expr)]
    return {id(first.value) for first in firsts}


def spelled(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = docstrings(tree)
    constants = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in prose]
    return [n.value for n in constants if isinstance(n.value, str)]


# Words that name something else there, too: constants in `__all__`, and what a FILE is in a help.
OTHERWISE = {
    "bodies/signs.py": {"LINE"},
    "cli/options.py": {"NAME"},
    "docs/chart.py": {"END"},
    "masking/automaton.py": {"OPEN"},
    "openai/plain.py": {"commentary"},  # a phase of the API
    "reading/headers.py": {"_variants"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_module_names_rules_and_terminals(path: Path) -> None:
    """Words of the format, titles, and names of terminals and of rules that are no usual words."""
    name = path.relative_to(PACKAGE).as_posix()
    if name == "grammar/meaning.py":
        return
    grammar = hg.Grammar.default().rules
    fixed = {t.pattern for t in grammar.terminals.values() if t.fixed and len(t.pattern or "") > 4}
    words = {*grammar.specials, *grammar.channels, *fixed - USUAL} | set(grammar.terminals)
    words |= {rule for rule in grammar.productions if "_" in rule and rule not in STARTS}
    special = re.compile("|".join(map(re.escape, grammar.specials)))
    for text in spelled(path):
        assert text not in words - OTHERWISE.get(name, set())
        assert not special.search(text)


# Words of JSON, of Python and of other formats, which the grammar has as well.
USUAL = {
    *("system", "developer", "assistant", "false", "namespace", "medium"),
}
# The names of starts, of fields and of bodies are the public names of these things.
STARTS = {*("content_type", "open_message", "tool_type", "response_format", "response_formats")}
STARTS |= {"valid_channels", "system_body", "developer_body"}


def test_the_naming_test_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text('"""analysis"""\nCHANNEL = "analysis"\n', encoding="utf-8")
    assert spelled(path) == ["analysis"]


def classes() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path)
    return found


def test_no_class_name_means_two_things() -> None:
    assert {name: paths for name, paths in classes().items() if len(paths) > 1} == {}


def test_no_module_name_means_two_things() -> None:
    names = [p.stem for p in MODULES if not {"cli", "datasets"} & {*p.parent.parts}]
    twice = {name for name in names if names.count(name) > 1} - {"__init__", "__main__"}
    assert twice == set()


def test_no_class_is_the_base_of_one_other_only() -> None:
    bases: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    bases.setdefault(ast.unparse(base).rpartition(".")[2], []).append(node.name)
    # An error, and a finding that was mended, are what a caller catches or reads as the kind above.
    public = {name for name in bases if name.endswith("Error")} | {"Diagnostic"}
    own = {name for name in classes() if len(bases.get(name, [])) == 1} - public
    assert {name: bases[name] for name in own} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_grows_too_large(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, ast.Assert), f"line {node.lineno} asserts"
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MOST_FUNCTION_LINES, node.name


HEAVY = ("numpy", "tiktoken", "llguidance", "rich", "lark", "regex", "torch")


def loaded_by(program: str) -> set[str]:
    lines = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(  # noqa: S603  our own interpreter and text
        [sys.executable, "-c", lines], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split()) & set(HEAVY)


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_by("import harmony_grammar") == set()
    masking = {"BatchMatcher", "Constraint", "Matcher"}  # masks are arrays of numpy
    names = ", ".join(set(hg.__all__) - masking)
    assert loaded_by(f"from harmony_grammar import {names}") == set()


def test_text_needs_nothing_heavy() -> None:
    text = "<|start|>user<|message|>Hi<|end|>"
    program = f"import harmony_grammar as hg\nhg.render(hg.parse({text!r}))\nhg.check('x')"
    assert loaded_by(program) == set()


def test_ids_need_no_more_than_the_vocabulary() -> None:
    assert loaded_by("import harmony_grammar as hg\nhg.check([200006])") <= {"regex", "tiktoken"}


def test_every_public_name_is_there() -> None:
    for name in hg.__all__:
        assert getattr(hg, name).__doc__
    assert set(hg.__all__) <= set(dir(hg))
    with pytest.raises(AttributeError, match="nothing"):
        _ = hg.nothing  # type: ignore[attr-defined]  # that is what is tested


def test_the_map_has_every_file() -> None:
    root = PACKAGE.parent
    command = [sys.executable, "tools/house.py", "--map"]
    made = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603
    design = (root / "docs" / "design.md").read_text(encoding="utf-8")
    told = design.partition("<!-- map -->\n")[2].partition("<!-- /map -->")[0]
    assert told == made, "put what `python tools/house.py --map` prints into docs/design.md"
