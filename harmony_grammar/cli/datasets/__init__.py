"""Data sets: JSON Lines, JSON and Parquet files with a transcript in each row.

`files` opens them and reads them some rows at a time, `rows` finds the transcript in a row,
`chat` makes harmony messages of an OpenAI chat, and `judging` checks batches, in one process or
in several.
"""
