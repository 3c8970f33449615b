"""The app: a few pages and one form. Nothing that is logged or stays in a URL names a claim."""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from flows.review.answers import Answers, refusal, safely
from flows.review.desk import Desk
from flows.review.form import Fields, fields_of
from flows.review.guard import HEADERS, Guard
from flows.review.views import style

_LONGEST_FORM = 64 * 1024
_METHODS = ("GET", "POST")
FIND = "/find"
"""A form that records nothing: it is a form only so that no claim id is in an address."""
_READ_ONLY = "This app was started with --read-only: nothing can be recorded here."
_WRONG_FORM = (
    "The form is not of this start of the app, so nothing was recorded. Go back, copy what you "
    "typed, and open the line again."
)
_NO_PAGE = "There is no such page. Go to the queue."


def make_app(desk: Desk, guard: Guard, *, reviewer: str = "", read_only: bool = False) -> FastAPI:
    """The app for a warehouse.

    reviewer   who decides; empty: the form asks.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    answers = Answers(desk, reviewer, not read_only, guard.form)

    @app.middleware("http")
    async def guarded(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        answer = _before(request, guard, read_only) or await go_on(request)
        answer.headers.update(HEADERS)
        return answer

    @app.exception_handler(HTTPStatus.NOT_FOUND)
    @app.exception_handler(HTTPStatus.METHOD_NOT_ALLOWED)
    def no_page(_request: Request, _error: Exception) -> Response:
        return refusal(HTTPStatus.NOT_FOUND, _NO_PAGE)

    @app.get("/style.css")
    def stylesheet() -> Response:
        return Response(style(), media_type="text/css")

    @app.get("/")
    def show_list(request: Request) -> Response:
        return safely(partial(answers.list_page, request))

    @app.get("/line/{key}")
    def show_line(request: Request, key: str) -> Response:
        return safely(partial(answers.line_page, request))

    @app.get("/line/{key}/explanation")
    def show_explanation(request: Request, key: str) -> Response:
        return safely(partial(answers.explanation_page, request))

    async def answered(request: Request, answer: Callable[[Request, Fields], Response]) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_FORM:
                return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too long.")
        try:
            fields = fields_of(bytes(body))
        except ValueError:
            return refusal(HTTPStatus.BAD_REQUEST, "This is not a form of the app.")
        if not guard.is_own_form(fields.get("form_token", [""])[-1]):
            return refusal(HTTPStatus.FORBIDDEN, _WRONG_FORM)
        return await run_in_threadpool(safely, partial(answer, request, fields))

    @app.post(FIND)
    async def find(request: Request) -> Response:
        return await answered(request, answers.found_page)

    @app.post("/line/{key}")
    async def decide(request: Request, key: str) -> Response:
        return await answered(request, answers.decide)

    return app


def _before(request: Request, guard: Guard, read_only: bool) -> Response | None:
    """The answer to a request that gets no page; None if it may get one."""
    refused = guard.refuses(request)
    if refused:
        return refusal(*refused)
    if guard.is_opening(request):  # the token leaves the address bar at once
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(guard.cookie, guard.session, httponly=True, samesite="strict")
        return answer
    if request.method not in _METHODS:
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, _NO_PAGE)
    if request.method == "POST" and read_only and request.url.path != FIND:
        return refusal(HTTPStatus.FORBIDDEN, _READ_ONLY)
    return None
