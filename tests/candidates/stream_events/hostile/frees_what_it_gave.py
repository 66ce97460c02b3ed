"""Forgets the objects that it gave, so that their numbers stand for nothing, or for other things, when it is asked."""

import gc


class Events:
    def __iter__(self):
        return self

    def __next__(self):
        for thing in gc.get_objects():
            if type(thing).__name__ == "Session":
                thing.kept[:] = [thing.kept, self, iter(())]
        return {"event": "message", "data": "a", "id": ""}

    def close(self):
        raise StopIteration


def stream_events(url):
    return Events()
