"""Writes HTML, XML, CSV, JSON and Markdown into its messages, to be run or read by whoever opens the report."""

MARKUP = """<script>fetch('http://127.0.0.1:@PORT@')</script><img src=x onerror=alert(1)>]]></failure><testcase/>&#0;&x;
=HYPERLINK("http://127.0.0.1:@PORT@"),12,12\n"},{"points":12}\n[x](javascript:alert(1)) %s {0} {MARKUP} %(a)s $x `x`"""


class Markup(ValueError):
    pass


Markup.__name__ = "<script>alert(1)</script>"


def parse_sse_stream(raw_stream):
    print(MARKUP)
    raise Markup(MARKUP)
