"""Total recovery: any input becomes messages, and every repair is reported.

Recovery is strict reading that does not stop. `engine` follows an input token by token, in
whatever pieces it comes. A header is first read by the grammar; only one that the grammar refuses
is read as a damaged one (`damaged_headers`), by the grammar's own terminals in whatever order they
stand. What is read whole (`recovery`) and what is streamed (`stream_parser`) goes through the same
engine, so the two cannot differ. All state is immutable values, so a snapshot is a tuple of them.
"""
