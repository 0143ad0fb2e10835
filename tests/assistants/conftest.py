"""Alice at her browser."""

from typing import Any

import pytest
from django.conf import settings


@pytest.fixture
def browser(client: Any, alice: Any) -> Any:
    client.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client
