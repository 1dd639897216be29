"""`python -m harmony_grammar`: the command line."""

from harmony_grammar.cli import main

if __name__ == "__main__":
    main()
