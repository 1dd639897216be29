"""Data sets: JSON Lines, JSON and Parquet files with a transcript in each row.

`files` opens them and finds out what they are, `batches` reads them some rows at a time, `rows`
finds the transcript in a row, `chat` makes harmony messages of an OpenAI chat, `judging` checks
a batch, and `jobs` does that in several processes, in order.
"""
