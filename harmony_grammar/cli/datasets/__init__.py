"""Data sets: JSON Lines, JSON and Parquet files with a transcript in each row.

`files` opens them, `rows` reads them row by row, `judging` finds the transcript in a row and
checks batches of rows, in one process or in several, and `chat` makes harmony messages of an
OpenAI chat.
"""
