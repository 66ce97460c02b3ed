"""Defines the name as a built-in function of the judge's choice of arguments: eval."""

parse_sse_stream = eval
