"""The grammar text, loaded: productions, terminals, tables, bindings and rule comments."""

from harmony_grammar.grammar.rules import END_OF_INPUT, Rules
from harmony_grammar.grammar.source import Comment, Production, Symbol, Terminal

__all__ = ["END_OF_INPUT", "Comment", "Production", "Rules", "Symbol", "Terminal"]
