"""One connection of a caller: uvicorn's HTTP, with errors in the envelope of the API that was called.

What is no proper HTTP is answered here, and the connection ends. It never becomes an exchange; one that has begun,
and whose body turns out to be none, is told, so that its record says what its caller was answered.
"""

from __future__ import annotations

import sys
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from proxy.dialects.served import error_body
from proxy.errors import BadRequest, Code, PayloadTooLarge, ProxyError, RequestTimeout
from proxy.exchange import new_id
from proxy.wire import ENDED, REFUSED, Scope, answer_ids, answered_as, header_pairs

MAX_HEAD_BYTES = 128 * 1024
"""Request line and headers of one request may be so long together."""

_FORM = "The request is not well-formed HTTP."
_CUT = "The connection ended in the middle of the request."
_LATE = "The head of the request did not come in time."
_LONG = f"The request line and headers are longer than {MAX_HEAD_BYTES:,} bytes together."


class HTTPConnection(HttpToolsProtocol):
    """Reads requests and sends replies, one after the other."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._data = b""
        """What came last."""
        self._reading = False
        """Whether a request has begun that has not come to its end."""
        self._head: int | None = None
        """Bytes of a head that has begun; None outside of one."""

    def give_up(self) -> None:
        """Wait no longer for the head of a request: one that has begun is answered, and the connection ends."""
        if self._reading:
            self._refuse(RequestTimeout(_LATE))
        else:
            self.transport.close()

    # --- from the socket

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._data = data
        before = self._head
        super().data_received(data)
        if self._head is not None and before is not None and not self.transport.is_closing():
            self._lengthen(len(data))

    def eof_received(self) -> None:
        """The caller sends no more: a request that is not whole will never be."""
        if self._reading and not self.transport.is_closing():
            self._refuse(BadRequest(_CUT, code=Code.INVALID_HTTP))

    # --- from the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reading, self._head = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        super().on_url(url)
        self._lengthen(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        super().on_header(name, value)
        self._lengthen(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is there; that of a request for another protocol is looked at anew."""
        self._head = None
        if not self.parser.should_upgrade() and not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if self.parser.should_upgrade() or self.transport.is_closing():
            return
        self._reading = False
        super().on_message_complete()
        if self.cycle.response_complete and self.timeout_keep_alive_task is None:
            # It was answered before it ended: only now can the next one be waited for.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # --- from uvicorn

    def _unsupported_upgrade_warning(self) -> None:
        """Another protocol is asked for, such as HTTP/2 without TLS: the request is taken as one that does not ask.

        The parser takes what comes after such a head for the other protocol, so it is given the request once more.
        """
        upgrade, method = sys.exception(), self.parser.get_method()
        if upgrade is None or method == b"CONNECT":
            self.send_400_response(_FORM)
            return
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        rest = self._data[upgrade.args[0] :]
        self.parser = type(self.parser)(self)
        super().data_received(b"\r\n".join([*lines, b"", rest]))

    def send_400_response(self, msg: str) -> None:
        """What came is no proper HTTP."""
        if self._head is not None and self._head > MAX_HEAD_BYTES:
            self._refuse(PayloadTooLarge(_LONG, status=431))
        else:
            self._refuse(BadRequest(_FORM, code=Code.INVALID_HTTP))

    # --- what is wrong

    def _lengthen(self, more: int) -> None:
        """Counts bytes of a head, which must come to an end."""
        if self._head is not None:
            self._head += more
            if self._head > MAX_HEAD_BYTES:
                self.send_400_response(_LONG)

    def _refuse(self, error: ProxyError) -> None:
        """Tells of an error and ends the connection. Nothing is told within a reply that has begun, or after it."""
        if self.transport.is_closing():
            return
        last = self.cycle
        is_next = self._head is not None and last is not None and last.response_complete
        if last is None or is_next or not last.response_started:
            ongoing = None if last is None or is_next else cast(Scope, last.scope)
            error.request_id = new_id() if ongoing is None else answered_as(ongoing)
            if ongoing is not None:
                ongoing[REFUSED] = error
                if error.message == _CUT:
                    ongoing[ENDED] = True
            body = error_body(self._path(), error)
            ids = b"".join(b"%b: %b\r\n" % pair for pair in header_pairs(answer_ids(error.request_id)))
            head = b"content-type: application/json\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[error.status] + head % (len(body), ids) + body)
        self.transport.close()

    def _path(self) -> str:
        """The path that was called, as far as it can be told."""
        words = self._data.partition(b"\r\n")[0].split(b" ")
        target = getattr(self, "url", b"") or (words[1] if len(words) > 1 else b"")
        return bytes(target).partition(b"?")[0].decode("latin-1")
