"""The data buffer of the standard: a line feed after each value, the last one removed."""

import json


class Parser:
    def __init__(self):
        self.values, self.buffer, self.done = [], "", False

    def line(self, line):
        if self.done or line.startswith(":"):
            return
        if not line:
            self.dispatch()
        elif line == "data" or line.startswith("data:"):
            self.buffer += line[5:].removeprefix(" ") + "\n"

    def dispatch(self):
        if self.buffer:
            payload, self.buffer = self.buffer[:-1], ""
            if payload == "[DONE]":
                self.done = True
            else:
                self.values.append(json.loads(payload))


def parse_sse_stream(raw_stream):
    parser = Parser()
    lines = raw_stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines[:-1]:
        parser.line(line)
    return parser.values
