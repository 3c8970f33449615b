"""The review app asked in this process, as a browser asks it."""

import asyncio
import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

from flows.review.app import make_app
from flows.review.desk import Desk
from flows.review.guard import Guard

PORT = 8765


@dataclass
class Browser:
    """A browser with the cookie of an app, made with `opened`."""

    app: FastAPI
    guard: Guard
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx.Response:
        """One request; a redirect is not followed."""

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            base = f"http://127.0.0.1:{PORT}"
            async with httpx.AsyncClient(
                transport=transport, base_url=base, cookies=self.cookies, verify=False
            ) as client:
                return await client.request(method, path, headers=headers, content=body)

        answer = asyncio.run(request())
        self.cookies |= dict(answer.cookies)
        return answer

    def post(self, path: str, fields: list[tuple[str, str]]) -> httpx.Response:
        """Send a form."""
        return self.ask(path, "POST", body=urlencode(fields).encode())

    def form(self, path: str, **typed: str) -> list[tuple[str, str]]:
        """The fields of the form on the page of a line, all findings ticked, with what is typed."""
        page = self.ask(path).text
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
        ticked = re.findall(r'name="(finding)" value="(\w+)" checked', page)
        return [*hidden, *ticked, *typed.items()]

    def lines(self, query: str = "") -> list[str]:
        """The paths of the lines on a page of the list, with the query of the list."""
        return [
            unescape(p) for p in re.findall(r'<a href="(/line/[^"]+)">', self.ask(f"/{query}").text)
        ]


def explanation_of(line: str) -> str:
    """The path of what every rule says about a line, from the path of the line."""
    path, _, query = line.partition("?")
    return f"{path}/explanation?{query}"


def opened(
    warehouse: Path, run: Path | None = None, reviewer: str = "Ann Lee", read_only: bool = False
) -> Browser:
    """A browser that has opened the address of a new app on a warehouse."""
    guard = Guard(PORT)
    app = make_app(Desk(warehouse, run, {}), guard, reviewer=reviewer, read_only=read_only)
    browser = Browser(app, guard)
    browser.ask(guard.url.removeprefix(f"http://127.0.0.1:{PORT}"))
    return browser
