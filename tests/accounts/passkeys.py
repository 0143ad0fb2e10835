"""A passkey as a browser would have registered it."""

from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData


def make_passkey(user: Any, name: str = "laptop") -> Authenticator:
    """One that opens the account without a password."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    bound = AttestedCredentialData.create(aaguid=b"\0" * 16, credential_id=b"canary-credential", public_key=key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    proof = AuthenticatorData.create(b"\0" * 32, flags, 0, bytes(bound))
    client = CollectedClientData.create("webauthn.create", b"challenge", "http://testserver")
    credential = {
        "id": websafe_encode(b"canary-credential"),
        "rawId": websafe_encode(b"canary-credential"),
        "type": "public-key",
        "response": {
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", proof, {}))),
            "clientDataJSON": websafe_encode(bytes(client)),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": name, "credential": credential})
