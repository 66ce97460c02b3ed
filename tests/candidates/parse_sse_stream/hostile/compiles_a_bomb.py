"""Compiles deeply nested sources, to crash the compiler."""

import ast

BOMBS = ["(" * 100_000, "-" * 100_000 + "1", "1" + "+1" * 100_000, "x" + ".x" * 100_000, "lambda:" * 100_000 + "0"]


def parse_sse_stream(raw_stream):
    for bomb in BOMBS:
        for compiler in (ast.parse, ast.literal_eval, eval):
            try:
                compiler(bomb)
            except BaseException:
                pass
    return None
