"""Two parsers that have nothing to do with ours: h11 and llhttp (in httptools).

Reads one input a line, in hexadecimal, and writes one line of what each parser made of it:

    NAME:END:MESSAGE;MESSAGE... NAME:END:...

END is `whole` (it ends between two messages), `more` (within one), `stopped` (what follows is
not HTTP for this parser) or `refused=WHY`. A MESSAGE is METHOD,TARGET,BODY in hexadecimal; one
that is not over has a `+` behind it. Each message has a parser of its own, which is given what the
one before left: whether a connection goes on is not a question of framing.
"""

import sys

import h11
import httptools


# An empty line, or the start of one, is no message for anybody yet.
EMPTY = (b"", b"\r", b"\r\n")


class Told:
    def __init__(self):
        self.messages = []
        self.end = "whole"

    def line(self, name):
        texts = []
        for method, target, body, over in self.messages:
            texts.append(f"{method.hex()},{target.hex()},{body.hex()}{'' if over else '+'}")
        return f"{name}:{self.end}:{';'.join(texts)}"

    def refused(self, error):
        why = " ".join(str(error).split())
        self.end = "refused=" + why.encode().hex()
        return self


def by_h11(data):
    told = Told()
    while data not in EMPTY:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 17)
        message = None
        try:
            connection.receive_data(data)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    told.end = "more"
                    return told
                if event is h11.PAUSED:
                    told.end = "stopped"
                    return told
                if isinstance(event, h11.Request):
                    message = [event.method, event.target, b"", False]
                    told.messages.append(message)
                elif isinstance(event, h11.Data):
                    message[2] += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    message[3] = True
                    break
        except h11.RemoteProtocolError as error:
            return told.refused(error)
        data = connection.trailing_data[0]
    return told


class Listener:
    """What llhttp says of one message."""

    def __init__(self):
        self.target = b""
        self.message = None
        self.parser = None

    def on_url(self, piece):
        self.target += piece

    def on_headers_complete(self):
        self.message = [self.parser.get_method(), self.target, b"", False]

    def on_body(self, piece):
        self.message[2] += piece

    def on_message_complete(self):
        self.message[3] = True


def by_llhttp(data):
    told, at = Told(), 0
    while data[at:] not in EMPTY:
        listener = Listener()
        parser = listener.parser = httptools.HttpRequestParser(listener)
        try:
            # Byte by byte, to see where the message ends.
            while listener.message is None or not listener.message[3]:
                if at == len(data):
                    told.end = "more"
                    break
                at += 1
                parser.feed_data(data[at - 1 : at])
        except httptools.HttpParserUpgrade:
            # It leaves the body to whoever speaks the other protocol.
            told.end, listener.message[3] = "stopped", False
        except httptools.HttpParserError as error:
            told.refused(error)
        if listener.message is not None:
            told.messages.append(listener.message)
        if told.end != "whole":
            break
    return told


for text in sys.stdin:
    bytes_in = bytes.fromhex(text.strip())
    print(by_h11(bytes_in).line("h11"), by_llhttp(bytes_in).line("llhttp"), flush=True)
