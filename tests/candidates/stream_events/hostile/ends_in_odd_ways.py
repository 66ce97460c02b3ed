"""Is an iterator that ends, goes on after its end, is closed and yields, and names its errors StopIteration."""


class Events:
    turn = 0

    def __next__(self):
        self.turn += 1
        if self.turn % 2:
            raise StopIteration
        raise type("StopIteration", (KeyError,), {})("no end")

    def close(self):
        raise GeneratorExit

    aclose = None


def stream_events(url):
    return Events()
