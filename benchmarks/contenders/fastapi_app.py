"""The same work as the bare Django view, in FastAPI with asyncpg."""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, Request, Response

SECRET = os.environ["BENCH_SECRET"].encode()
INSERT = "INSERT INTO fastapi_event (signature, body) VALUES ($1, $2) ON CONFLICT (signature) DO NOTHING"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/intake")
async def intake(request: Request) -> Response:
    body = await request.body()
    signature = request.headers.get("x-vapi-signature", "")
    if not hmac.compare_digest(signature, hmac.digest(SECRET, body, "sha256").hex()):
        return Response("Invalid signature", status_code=401, media_type="text/plain")
    await app.state.pool.execute(INSERT, signature, body.decode())
    return Response(b'{"received": true}', media_type="application/json")
