"""Requests that are awaited: the asyncio side of `streaming.py`."""

import asyncio
from collections import deque
from collections.abc import Iterable

from planecast_protocol.errors import PlanecastError
from planecast_reader.client import Answer, ReaderClient, Request
from planecast_reader.headless.streaming import Asked, Plan, Result, Wanted

_LOOK_S = 0.5


async def ask(client: ReaderClient, message: Request) -> Answer:
    """Return the answer to one request; raise the `PlanecastError` that it is."""
    answer = await answer_of(client, Asked(client, None, message))
    if isinstance(answer, PlanecastError):
        raise answer
    return answer


async def answer_of(client: ReaderClient, asked: Asked) -> Answer:
    """Wait for an answer. A task that is cancelled meanwhile withdraws the request.

    Raises `WorkerUnreachableError` when no worker is there for long.
    """
    future = asyncio.wrap_future(asked.answer)
    try:
        while not (await asyncio.wait({future}, timeout=_LOOK_S))[0]:
            client.check_reachable()
    except BaseException:
        asked.cancel()
        future.cancel()
        raise
    return future.result()


async def carry_out(client: ReaderClient, plan: Plan[Result]) -> Result:
    """Read everything that `plan` asks for and return its result.

    What the plan makes of the planes is computed in threads. Raises what a read raises; what
    is then still asked for is withdrawn.
    """
    for wanted in plan.rounds():
        await _one_round(client, plan, wanted)
    return await asyncio.to_thread(plan.result)


async def _one_round(client: ReaderClient, plan: Plan[Result], wanted: Iterable[Wanted]) -> None:
    requests = iter(wanted)
    asked: deque[Asked] = deque()
    try:
        while True:
            while len(asked) < plan.in_flight and (one := next(requests, None)) is not None:
                asked.append(Asked(client, *one))
            if not asked:
                return
            answer = await answer_of(client, asked[0])
            await asyncio.to_thread(plan.settle, asked.popleft().key, answer)
    finally:
        for left in asked:
            left.cancel()
