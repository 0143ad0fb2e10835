"""A bare Django view: verify the signature, INSERT the body once, answer."""

import hmac
import os

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from psycopg_pool import ConnectionPool

SECRET = os.environ["BENCH_SECRET"].encode()
INSERT = "INSERT INTO bare_event (signature, body) VALUES (%s, %s) ON CONFLICT (signature) DO NOTHING"
RECEIVED = b'{"received": true}'

# One connection for each of gunicorn's threads, as Ava has.
pool = ConnectionPool(os.environ["BENCH_DATABASE_URL"], min_size=2, max_size=2, kwargs={"autocommit": True}, open=False)


def intake(request: HttpRequest) -> HttpResponse:
    body = request.body
    signature = request.META.get("HTTP_X_VAPI_SIGNATURE", "")
    if not hmac.compare_digest(signature, hmac.digest(SECRET, body, "sha256").hex()):
        return HttpResponse("Invalid signature", status=401, content_type="text/plain")
    with pool.connection() as connection:
        connection.execute(INSERT, (signature, body.decode()))
    return HttpResponse(RECEIVED, content_type="application/json", headers={"Content-Length": str(len(RECEIVED))})


urlpatterns = [path("intake", intake)]
application = get_wsgi_application()
pool.open()
