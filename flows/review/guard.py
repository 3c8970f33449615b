"""Who may ask, and what the browser may do with the answer.

The app is for one person at one machine. Other programs and web pages of that machine must not
reach it: so each request needs the token that the command has printed, names this machine as its
host (against DNS rebinding), and does not come from another site or port; a form needs a second
token, which only a page of the app holds.
"""

import secrets
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request

TOKEN, COOKIE = "token", "claims-audit-review"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: no script runs, nothing is fetched, framed, stored or passed on."""
_FROM_HERE = ("same-origin", "none")
NO_TOKEN = (
    "This page needs the token of the app. Open the whole address that claims-audit review has "
    "printed."
)


@dataclass(frozen=True)
class Guard:
    """The tokens of one start of the app, and the hosts by which it may be asked."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    form: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def url(self) -> str:
        """The address that opens the app."""
        return f"http://127.0.0.1:{self.port}/?{TOKEN}={self.token}"

    @property
    def cookie(self) -> str:
        """The name of its cookie: browsers do not keep cookies of two ports apart."""
        return f"{COOKIE}-{self.port}"

    def refuses(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Why a request is refused before anything is looked at; None if it may go on."""
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if request.headers.getlist("host") not in [[host] for host in hosts]:
            return HTTPStatus.MISDIRECTED_REQUEST, "This app answers only as 127.0.0.1."
        if self.is_opening(request):
            return None
        if not _equal(request.cookies.get(self.cookie, ""), self.session):
            return HTTPStatus.FORBIDDEN, NO_TOKEN
        if request.headers.get("sec-fetch-site", "none") not in _FROM_HERE:
            return HTTPStatus.FORBIDDEN, "Another page asked for this. Open it from the queue."
        return None

    def is_opening(self, request: Request) -> bool:
        """Whether a request brings the token of the printed address."""
        is_first = request.method == "GET" and request.url.path == "/"
        return is_first and _equal(request.query_params.get(TOKEN, ""), self.token)

    def is_own_form(self, given: str) -> bool:
        """Whether a form comes from a page of this app."""
        return _equal(given, self.form)


def _equal(given: str, wanted: str) -> bool:
    """Compare in a time that says nothing about how much is right."""
    return secrets.compare_digest(given.encode(), wanted.encode())
