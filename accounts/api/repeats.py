"""A phone that loses the answer repeats its request: under the same Idempotency-Key it is done once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import json
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import RepeatableRequest, User
from ava.lib.api.problems import CONTENT_TYPE, Problem

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
# A process that died half-way holds its key no longer than this.
LONGEST_REQUEST = timedelta(seconds=60)
LONGEST_KEY = 255
NOT_FINAL = {409, 429}  # not possible as things are, too often


class Answered(Exception):
    """The request was made before; `response` is what it was answered."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def begin(request: Request, *, user: User, organization_id: int | None) -> RepeatableRequest | None:
    """Hold the request's key, if it names one. Raises Answered, or Problem (400, 409, 422)."""
    key = request.headers.get(HEADER, "").strip().strip('"')
    if request.method != "POST" or HEADER not in request.headers:
        return None
    if not key or len(key) > LONGEST_KEY:
        raise Problem(400, "idempotency_key_invalid", _("An Idempotency-Key has 1 to 255 characters."))
    wanted = RepeatableRequest(
        user=user,
        scope=f"{organization_id or '-'} {request.method} {request.path_info}"[:300],
        key=key,
        digest=salted_hmac("api.repeats", request._request.body, algorithm="sha256").hexdigest(),
        created_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
    except IntegrityError:
        return _take_over(wanted)
    return wanted


def finish(held: RepeatableRequest, response: Response) -> None:
    """Keep the answer for whoever repeats the request, unless the same request may do better later."""
    if response.status_code >= 500 or response.status_code in NOT_FINAL:
        RepeatableRequest.objects.filter(pk=held.pk).delete()
        return
    answer = json.dumps(response.data, cls=DjangoJSONEncoder)
    RepeatableRequest.objects.filter(pk=held.pk).update(status=response.status_code, answer=answer)


def forget_old() -> None:
    """Drop what is too old to be repeated."""
    RepeatableRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()


def _take_over(wanted: RepeatableRequest) -> RepeatableRequest:
    rows = RepeatableRequest.objects.filter(user=wanted.user, scope=wanted.scope, key=wanted.key)
    kept = rows.first()
    if kept is None:  # its first request has just failed
        raise _still_running()
    if kept.digest != wanted.digest:
        raise Problem(422, "idempotency_key_reused", _("This Idempotency-Key was used for another request."))
    if kept.status is not None:
        raise Answered(_response(kept))
    dead = rows.filter(status=None, created_at__lt=wanted.created_at - LONGEST_REQUEST)
    if not dead.update(created_at=wanted.created_at):
        raise _still_running()
    return kept


def _response(kept: RepeatableRequest) -> Response:
    data: Any = json.loads(str(kept.answer))
    response = Response(data, status=kept.status, headers={"Idempotent-Replayed": "true"})
    if (kept.status or 0) >= 400:
        response.content_type = CONTENT_TYPE
    return response


def _still_running() -> Problem:
    text = _("The first request with this Idempotency-Key is still running.")
    return Problem(409, "idempotency_key_in_use", text, {"Retry-After": "1"})
