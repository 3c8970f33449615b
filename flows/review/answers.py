"""What the app answers to each request: a page, or a decision recorded and the next line."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from audit_rules.errors import AuditError
from flows.errors import WarehouseBusy, redacted_errors
from flows.ledger.decisions import DecisionCounts
from flows.ledger.seen import Unseen
from flows.review.desk import Desk
from flows.review.form import Fields, Form, read_form
from flows.review.queue import Choice, Line, Queue
from flows.review.views import (
    Reader,
    explanation_page,
    line_page,
    list_page,
    neighbours,
    recorded_text,
    refusal_page,
)

_NO_LINE = "The run has no such line. It may be of another night: go back to the queue."
_STILL_HERE = "Nothing was recorded; what you typed is still here."


class Answers:
    """The answers of an app.

    reviewer     who decides; empty: the form asks, and proposes the last name that it was told.
    can_decide   whether anything may be recorded.
    form_token   what each form must bring back.
    """

    def __init__(self, desk: Desk, reviewer: str, can_decide: bool, form_token: str) -> None:
        """Answer from a desk."""
        self._desk = desk
        self._reviewer = reviewer
        self._last_name = reviewer
        self._can_decide = can_decide
        self._form_token = form_token

    def list_page(self, request: Request) -> Response:
        """The list of lines."""
        queue = self._desk.queue()
        page = list_page(queue, _choice(request, queue), self._reader(request))
        return HTMLResponse(page)

    def line_page(self, request: Request) -> Response:
        """A line, with an empty form."""
        queue = self._desk.queue()
        line = _line(request, queue)
        if line is None:
            return refusal(HTTPStatus.NOT_FOUND, _NO_LINE)
        form = Form.blank(line, queue.ledger, self._last_name)
        return self._page_of(request, queue, line, form)

    def explanation_page(self, request: Request) -> Response:
        """What every rule says about a line."""
        queue = self._desk.queue()
        line = _line(request, queue)
        if line is None:
            return refusal(HTTPStatus.NOT_FOUND, _NO_LINE)
        rows = self._desk.explanation(line, queue)
        choice = _choice(request, queue)
        return HTMLResponse(explanation_page(queue, line, choice, rows, self._reader(request)))

    def found_page(self, request: Request, fields: Fields) -> Response:
        """The line with a claim id or an exception id; the list of them if it has several."""
        queue = self._desk.queue()
        wanted = fields.get("wanted", [""])[-1].strip()
        lines = queue.with_id(wanted)
        if len(lines) == 1:
            return RedirectResponse(f"/line/{lines[0].key}", HTTPStatus.SEE_OTHER)
        return HTMLResponse(list_page(queue, Choice(), self._reader(request), lines))

    def decide(self, request: Request, fields: Fields) -> Response:
        """Record what a form says and go on, or show it again with what is wrong."""
        form = Form.of_fields(fields, self._reviewer)
        queue = self._desk.queue()
        line = _line(request, queue)
        if line is None:
            return refusal(HTTPStatus.NOT_FOUND, _NO_LINE)
        problems: dict[str, str] = {}
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        decisions, seen = read_form(form, line, problems)
        if not problems:
            try:
                made = self._desk.decide(decisions, seen)
                self._last_name = form.texts["decided_by"]
                return _onward(queue, line, _choice(request, queue), form, made)
            except Unseen as error:
                status, problems = HTTPStatus.CONFLICT, {"": str(error)}
            except WarehouseBusy as error:
                status = HTTPStatus.SERVICE_UNAVAILABLE
                problems = {"": f"{error} {_STILL_HERE}"}
            except AuditError as error:
                problems = {"": str(error)}
        queue = self._desk.queue()
        line = queue.by_exception.get(line.key, line)
        if status == HTTPStatus.CONFLICT:
            form = form.renewed(line, queue.ledger)
        return self._page_of(request, queue, line, form, problems, status)

    def _page_of(
        self,
        request: Request,
        queue: Queue,
        line: Line,
        form: Form,
        problems: Mapping[str, str] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        reader = self._reader(request)
        page = line_page(queue, line, _choice(request, queue), form, problems or {}, reader)
        return HTMLResponse(page, status)

    def _reader(self, request: Request) -> Reader:
        asked = request.query_params
        said = "" if request.method == "POST" else recorded_text(asked)
        return Reader(self._reviewer, self._can_decide, self._form_token, said)


def safely(answer: Callable[[], Response]) -> Response:
    """An answer; of what goes wrong only a sentence without row content."""
    try:
        with redacted_errors():
            return answer()
    except WarehouseBusy as error:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{error} Then load this page again.")
    except AuditError as error:
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def refusal(status: HTTPStatus, sentence: str) -> Response:
    """A page that says why nothing is shown."""
    return HTMLResponse(refusal_page(status.phrase, sentence), status)


def _choice(request: Request, queue: Queue) -> Choice:
    return Choice.of_query(request.query_params, [name for _, name, _ in queue.filters])


def _line(request: Request, queue: Queue) -> Line | None:
    return queue.by_exception.get(request.path_params["key"])


def _onward(queue: Queue, line: Line, choice: Choice, form: Form, made: DecisionCounts) -> Response:
    """To the same line if findings of it are left to decide, else to the next of those chosen."""
    left = [f for f in line.findings if f["to_decide"] and f["exception_id"] not in form.ticked]
    others = [other for other in queue.chosen(choice) if other.place != line.place]
    following = neighbours(others, line)[1] or (others[0] if others else None)
    target = line if left else following
    query = choice.query()
    said = {"recorded": form.texts["action"], "count": str(made.decisions)}
    said |= {"in_vain": str(made.in_vain)} if made.in_vain else {}
    path = f"/line/{target.key}" if target else "/"
    return RedirectResponse(
        f"{path}{f'{query}&' if query else '?'}{urlencode(said)}", HTTPStatus.SEE_OTHER
    )
