"""The grammar text, loaded: productions, terminals, tables, bindings and rule comments."""

from harmony_grammar.grammar.comments import Comment
from harmony_grammar.grammar.load import Production, Symbol, Terminal
from harmony_grammar.grammar.rules import END_OF_INPUT, AnyGrammar, Rules, given, rules_of

__all__ = [
    "END_OF_INPUT",
    "AnyGrammar",
    "Comment",
    "Production",
    "Rules",
    "Symbol",
    "Terminal",
    "given",
    "rules_of",
]
