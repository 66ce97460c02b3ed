"""Forgets the empty line that ends the event."""

import re


def format_event(data, event="", id=None, retry=None):
    if "\r" in event or "\n" in event:
        raise ValueError("event has more than one line")
    if id is not None and re.search("[\r\n\0]", id):
        raise ValueError("id has a line end or NUL")
    if retry is not None and (isinstance(retry, bool) or retry < 0):
        raise ValueError("retry is not a number of milliseconds")
    text = ""
    if event:
        text += f"event: {event}\n"
    if id is not None:
        text += f"id: {id}\n"
    if retry is not None:
        text += f"retry: {retry}\n"
    for piece in re.split("\r\n|\n|\r", data):
        text += f"data: {piece}\n"
    return text.encode()
