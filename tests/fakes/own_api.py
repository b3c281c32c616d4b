# SPDX-License-Identifier: Apache-2.0
"""An API that somebody could have: people of two scripts, their orders, and what stands around them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.app.serving.serve import bound_socket

NAMES = (
    "陈浩然",
    "Klara Lindqvist",
    "王秀英",
    "Ben Costa",
    "李娜",
    "Chloe Roux",
    "张伟",
    "Dan Petit",
    "刘洋",
    "Eva Novak",
)
PHONES = ("+8613722412954", "+4915198765432", "+8613800138000", "+351912345678", "+8615012345678")
CITIES = ("武汉市", "Köln", "上海市", "Porto", "北京市")


def person(place: int) -> dict[str, object]:
    """Return one person of the API, made up from a number."""
    return {
        "id": f"p-{place:05}",
        "full_name": NAMES[place % len(NAMES)],
        "email": f"person{place}@example.{'com' if place % 2 else 'org'}",
        "mobile": PHONES[place % len(PHONES)],
        "birth_date": f"{1950 + place % 50}-0{place % 9 + 1}-1{place % 9}",
        "city": CITIES[place % len(CITIES)],
        "country": ("CN", "DE", "CN", "PT", "CN")[place % 5],
        "tier": ("gold", "silver", "basic")[place % 3],
        "points": place * 7 % 1000,
        "religion": ("佛教", "none", "catholic")[place % 3],
        "remarks": "called back on Monday, will think about it and call us again",
    }


PEOPLE = [person(place) for place in range(40)]


def people(request: Request) -> Response:
    """Return a page of people."""
    asked = dict(request.query_params)
    skip, most = int(asked.pop("offset", "0")), int(asked.pop("limit", "20"))
    found = [row for row in PEOPLE if all(str(row.get(name)) == value for name, value in asked.items())]
    return JSONResponse({"items": found[skip : skip + most], "total": len(found)})


def one(request: Request) -> Response:
    """Return one person."""
    found = [row for row in PEOPLE if row["id"] == request.path_params["id"]]
    return JSONResponse(found[0]) if found else JSONResponse({"detail": "not found"}, 404)


def locked(request: Request) -> Response:
    """Return people to whoever has the password alone."""
    if request.headers.get("authorization") != "Bearer sesame":
        return JSONResponse({"detail": "who are you?"}, 401)
    return people(request)


ROUTES = [
    Route("/api/people", people),
    Route("/api/people/{id}", one),
    Route("/locked/people", locked),
    Route("/words/people", lambda _: PlainTextResponse("people are not rows")),
    Route("/deep/people", lambda _: JSONResponse({"data": {"items": PEOPLE[:9]}, "meta": {"total": 40}})),
    Route("/empty/people", lambda _: JSONResponse({"items": [], "total": 0})),
]


@asynccontextmanager
async def own_api() -> AsyncIterator[int]:
    """Serve the API on 127.0.0.1 and yield its port."""
    listening = bound_socket("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=ROUTES), lifespan="off", log_config=None))
    async with asyncio.TaskGroup() as group:
        group.create_task(server._serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
    listening.close()
