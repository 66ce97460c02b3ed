"""One character at a time."""

import json


def parse_sse_stream(raw_stream: str) -> list:
    values, data, line, after_cr = [], [], [], False
    for place, character in enumerate(raw_stream):
        if place == 0 and character == "\ufeff":
            continue
        if character == "\n" and after_cr:
            after_cr = False
            continue
        after_cr = character == "\r"
        if character not in "\r\n":
            line.append(character)
            continue
        text, line = "".join(line), []
        if text:
            name, colon, value = text.partition(":")
            if name == "data":
                data.append(value[1:] if value[:1] == " " else value)
        elif data:
            if data == ["[DONE]"]:
                return values
            values.append(json.loads("\n".join(data)))
            data = []
    return values
