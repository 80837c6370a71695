"""The API process: joins the doors to what they work with."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from api import actions, health, holds, policy, problems, review, reviewers, revisions, slack, slack_socket
from api.connections import opened
from api.limits import BodyLimit
from logs import configure_logs
from memory import collect_garbage_seldom
from settings import Settings

DESCRIPTION = """
Remit decides what an AI agent may do on its own, gets the right human to decide the rest, and can prove
afterwards who decided what. Submit actions with an agent's token, vote with a reviewer's. Errors are
problem+json (RFC 9457): match on `code`.
"""


def create_app(settings: Settings) -> FastAPI:
    """Return the application; it opens its connections when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings) as connections:
            app.state.connections = connections
            collect_garbage_seldom()
            async with slack_socket.socket_mode(settings, lambda: slack.door_of(connections)):
                yield

    app = FastAPIOffline(
        title="Remit",
        version="0.1.0",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redoc_url=None,
    )
    problems.install(app)
    app.add_middleware(BodyLimit)
    for door in (actions, revisions, holds, policy, reviewers, slack, review, health):
        app.include_router(door.router)
    return app


def main() -> None:
    """Run the API as a process."""
    settings = Settings()
    configure_logs(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.api_host,
            port=settings.api_port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    server.run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Leaving through the interpreter aborts now and then after a Temporal client was used (sdk-python issue 300).
    os._exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
