"""The entry point: `gunicorn ava.asgi --worker-class ava.server.Worker`.

The event loop takes webhooks in by itself. Pages are Django on threads, `WEB_THREADS` of them in each process.
"""

import os
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ava.server import prepare

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ava.settings")
pages = WSGIMiddleware(cast(Any, get_wsgi_application()), workers=settings.WEB_THREADS)

from calls.webhooks.asgi import with_webhooks  # noqa: E402  its models need Django, which is set up by now

application = with_webhooks(prepare(pages))
