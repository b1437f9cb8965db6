"""How a call is sent: got, posted, put, deleted, page by page."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, TypeVar

from api.client.wire import ApiError, Wire, read_as

T = TypeVar("T")


class Asking:
    """What the groups of calls share."""

    _wire: Wire

    def _get(self, of: type[T], path: str, **query: Any) -> T:
        return self._wire.json(of, "GET", path, query=query)

    def _tagged(self, of: type[T], path: str) -> tuple[T, str]:
        answer = self._wire.send("GET", path)
        return read_as(of, answer), answer.headers["etag"]

    def _file(self, path: str, format: str) -> str:
        return self._wire.send("GET", path, query={"format": format}, headers={"Accept": "*/*"}).text

    def _post(
        self,
        of: type[T],
        path: str,
        body: object,
        idempotency_key: str | None,
        only_if: str | None = None,
        longer_s: float = 0.0,
    ) -> T:
        headers = {"Idempotency-Key": idempotency_key or new_key(), "If-Match": only_if}
        return self._wire.json(of, "POST", path, body=body, headers=headers, longer_s=longer_s)

    def _put(self, of: type[T], path: str, body: object, only_if: str | None, longer_s: float = 0.0) -> T:
        return self._wire.json(of, "PUT", path, body=body, headers={"If-Match": only_if}, longer_s=longer_s)

    def _delete(self, path: str, gone: str) -> None:
        """Delete; what a try without an answer has deleted already is told as `gone`, and is what was wanted."""
        try:
            self._wire.send("DELETE", path)
        except ApiError as error:
            if not (error.unanswered_before and error.code == gone):
                raise

    def _pages(self, of: type[Any], path: str, name: str, limit: int, **query: Any) -> Iterator[Any]:
        cursor = None
        while True:
            page = self._get(of, path, **query, limit=limit, cursor=cursor)
            yield from page[name]
            cursor = page["next"]
            if cursor is None:
                return


def new_key() -> str:
    """A key for all tries of one call, made by chance."""
    return str(uuid.uuid4())
