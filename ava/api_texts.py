"""What the API's description says before its operations."""

INTRODUCTION = """
The REST API of Ava, the AI receptionist: for apps on phones, and for anything else that reads calls or sets Ava up.

**Signing in.** `POST /_allauth/app/v1/auth/login` with `{"email": …, "password": …}` gives an access token, good for
five minutes, and a refresh token for `POST /_allauth/app/v1/tokens/refresh`. Send `Authorization: Bearer …` with
every request. A browser that is signed in may use its session instead, with `X-CSRFToken` on whatever changes
something.

**Organizations.** You work for the organization that `X-Organization` names; without it, for the first one that you
joined. What belongs to another organization is answered like what does not exist: 404.

**Errors** are problem details (RFC 9457, `application/problem+json`): `code` is stable and for programs, `detail` is
a sentence in the reader's language, `errors` names the fields that are not right. A field or a parameter that an
operation does not have is an error.

**Repeating.** A `POST` with an `Idempotency-Key` of your own is done once: repeated with the same body within 24
hours, it gets the first answer again, with `Idempotent-Replayed: true`.

**Versions.** What two devices may edit comes with an `ETag`. Send it back in `If-Match` with a change, and nobody's
later change is overwritten: 412. In `If-None-Match` it saves the answer while nothing was changed: 304.

**Limits.** 300 requests a minute for each person and 1,200 for each organization. `RateLimit-Policy` and `RateLimit`
say what is left; 429 comes with `Retry-After`. A body is 2.5 MB at most.

**Moments** are RFC 3339 in UTC. Addresses are under `/api/v1/`; the same ones answer under `/api/`.
""".strip()

TAGS = [
    {"name": name, "description": description}
    for name, description in {
        "Organizations": "What you belong to, and as what.",
        "Profile and onboarding": "You, your organization, and the nine steps to the launch.",
        "Keys": "Your own Vapi key and Twilio account. They are never shown again.",
        "Studio": "Everything Ava is: persona, voice, model, words.",
        "Assistant": "The assistant at Vapi that is made of the studio; on the phone and off.",
        "Numbers": "The numbers that Ava answers: your own from Twilio, or one lent from the pool.",
        "Business hours": "When your business is open. Outside of these hours callers get the voicemail.",
        "Calls": "What was said, the summary, the recording.",
        "Devices": "Phones that are told when a call is over.",
        "Calendars": "Google's and Outlook's: which are connected, their events.",
        "Webhooks": "Receivers that are told of calls, signed as Standard Webhooks has it.",
        "Integrations": "Trying out whether mails arrive.",
    }.items()
]
