"""Documents made from a grammar: the reference, its diagrams, the catalogue, the cheat sheet.

Nothing imports this at run time. `reference` gathers what there is to say as plain data, from
the loaded grammar and the tables of tokens, faults, repairs and lint rules; `markdown`, `html`,
`diagrams` and `ebnf` write it down; `files` says what each format consists of.
"""
