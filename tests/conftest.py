"""The cast: Alice owns a practice, Bob is on her team, Charlie is a stranger with an organization of his own."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from accounts import credentials
from accounts.models import Organization, User
from ava.clients.twilio import TwilioClient
from ava.sandbox import server as sandbox_server
from tests import factories, providers
from tests.servers.fixtures import *  # noqa: F403
from tests.story.installation import RunningAva, shared


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, and beside its waiting there is still enough to do for the other workers."""
    lengths = ("story", "fuzz", "slow", "fault")
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in lengths])


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    """Pages need no collected static files here, nor a list of them for each client; passwords no slow hash."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A test begins in English, whatever language an earlier one left behind."""
    with translation.override("en"):
        yield


@pytest.fixture
def alice(db: Any) -> User:
    return factories.make_user("alice@practice.example", full_name="Alice Delmas", locale="en")


@pytest.fixture
def organization(alice: User) -> Organization:
    """Alice's."""
    return alice.organizations.get()


@pytest.fixture
def bob(organization: Organization) -> User:
    return factories.make_user("bob@practice.example", organization=organization, locale="fr")


@pytest.fixture
def charlie(db: Any) -> User:
    return factories.make_user("charlie@elsewhere.example", locale="he")


@pytest.fixture(scope="session")
def ava(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAva]:
    """A whole `make run`, started by the first test of the run that needs it."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder  # where the workers' own folders are
    with shared(folder / "ava") as running:
        yield running


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox over real HTTP on loopback, for the whole run."""
    folder = tmp_path_factory.mktemp("sandbox")
    server = sandbox_server.make("127.0.0.1", 0, folder, ["http://testserver"])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


@pytest.fixture
def sandbox(sandbox_url: str, settings: Any) -> str:
    """The sandbox in the providers' place."""
    settings.SANDBOX_URL = sandbox_url
    settings.VAPI_BASE_URLS = {"us": f"{sandbox_url}/vapi/us", "eu": f"{sandbox_url}/vapi/eu"}
    settings.TWILIO_BASE_URL = f"{sandbox_url}/twilio"
    settings.EXPO_BASE_URL = f"{sandbox_url}/expo"
    settings.TRUSTED_FETCH_ORIGINS = frozenset({sandbox_url})
    settings.GOOGLE_CLIENT_ID = settings.GOOGLE_CLIENT_SECRET = "sandbox-google"
    settings.GOOGLE_BASE_URLS = {name: f"{sandbox_url}/google/{name}" for name in ("accounts", "oauth", "api")}
    settings.MICROSOFT_CLIENT_ID = settings.MICROSOFT_CLIENT_SECRET = "sandbox-microsoft"
    settings.MICROSOFT_BASE_URLS = {
        "login": f"{sandbox_url}/microsoft/login",
        "graph": f"{sandbox_url}/microsoft/graph/v1.0",
    }
    return sandbox_url


@pytest.fixture
def connected(organization: Organization, sandbox: str) -> Organization:
    """Alice's organization with a Vapi key and a Twilio account of the sandbox."""
    sid, token = factories.TWILIO_ACCOUNT
    credentials.save_vapi_key(organization=organization, typed=factories.VAPI_KEY)
    credentials.save_twilio_account(organization=organization, account_sid=sid, auth_token=token)
    return organization


@pytest.fixture
def practice(organization: Organization, sandbox: str) -> Organization:
    """Alice's organization with keys that nobody has used at the sandbox before."""
    providers.connect(organization)
    return organization


@pytest.fixture
def operator(settings: Any, sandbox: str) -> TwilioClient:
    """The operator's own Twilio account at the sandbox; its numbers can be the pool."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = providers.new_twilio_account()
    return credentials.twilio_client(credentials.platform_twilio_account())
