"""What Vapi accepts in an assistant, a phone number and a credential, as tables.

From the API description's CreateAssistantDTO, CreateTwilioPhoneNumberDTO and CreateCustomCredentialDTO:
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Callable

from ava.sandbox.providers import MODEL, TRANSCRIBER, VOICE
from ava.sandbox.validation import (
    Anything,
    ByProvider,
    Flag,
    Free,
    Id,
    ListOf,
    Number,
    OneOf,
    Shape,
    Text,
    WebhookUrl,
)

SERVER_MESSAGES = (
    "assistant.started",
    "assistant.speechStarted",
    "conversation-update",
    "end-of-call-report",
    "function-call",
    "hang",
    "language-changed",
    "language-change-detected",
    "model-output",
    "phone-call-control",
    "speech-update",
    "status-update",
    "transcript",
    'transcript[transcriptType="final"]',
    "tool-calls",
    "transfer-destination-request",
    "handoff-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
    "chat.created",
    "chat.deleted",
    "session.created",
    "session.updated",
    "session.deleted",
    "call.deleted",
    "call.delete.failed",
    "call.artifact.upload",
)
FIRST_MESSAGE_MODES = (
    "assistant-speaks-first",
    "assistant-waits-for-user",
    "assistant-speaks-first-with-model-generated-message",
)
RUBRICS = [
    "NumericScale",
    "DescriptiveScale",
    "Checklist",
    "Matrix",
    "PercentageScale",
    "LikertScale",
    "AutomaticRubric",
    "PassFail",
]

BACKOFF_PLAN = Shape(
    {
        "type": OneOf(("fixed", "exponential")),
        "maxRetries": Number(0, 10),
        "baseDelaySeconds": Number(0, 10),
        "excludedStatusCodes": ListOf(Number(100, 599)),
    }
)
ANALYSIS_PLAN = Shape(
    {
        "minMessagesThreshold": Number(0),
        "summaryPlan": Shape(
            {"messages": ListOf(Free()), "enabled": Flag(), "timeoutSeconds": Number(1, 60)},
        ),
        "structuredDataPlan": Shape(
            {
                "messages": ListOf(Free()),
                "enabled": Flag(),
                "schema": Free(),
                "timeoutSeconds": Number(1, 60),
            }
        ),
        "structuredDataMultiPlan": ListOf(Free()),
        "successEvaluationPlan": Shape(
            {
                "rubric": OneOf(RUBRICS),
                "messages": ListOf(Free()),
                "enabled": Flag(),
                "timeoutSeconds": Number(1, 60),
            }
        ),
        "outcomeIds": ListOf(Text()),
    }
)
ARTIFACT_PLAN = Shape(
    {
        "recordingEnabled": Flag(),
        "recordingFormat": OneOf(("wav;l16", "mp3")),
        "recordingUseCustomStorageEnabled": Flag(),
        "videoRecordingEnabled": Flag(),
        "fullMessageHistoryEnabled": Flag(),
        "pcapEnabled": Flag(),
        "pcapS3PathPrefix": Text(),
        "pcapUseCustomStorageEnabled": Flag(),
        "loggingEnabled": Flag(),
        "loggingUseCustomStorageEnabled": Flag(),
        "loggingPath": Text(),
        "transcriptPlan": Free(),
        "recordingPath": Text(),
        "structuredOutputIds": ListOf(Text()),
        "structuredOutputs": ListOf(Free()),
        "scorecardIds": ListOf(Text()),
        "scorecards": ListOf(Free()),
    }
)


def server(is_allowed: Callable[[str], bool]) -> Shape:
    # `server.secret` left the schema in May 2025: a credential or a header takes its place.
    return Shape(
        {
            "url": WebhookUrl(is_allowed),
            "timeoutSeconds": Number(1, 300),
            "headers": Free(),
            "credentialId": Id(),
            "backoffPlan": BACKOFF_PLAN,
            "staticIpAddressesEnabled": Flag(),
            "encryptedPaths": ListOf(Text()),
        }
    )


def assistant(is_allowed: Callable[[str], bool]) -> Shape:
    return Shape(
        {
            "name": Text(longest=40),
            "firstMessage": Text(),
            "firstMessageMode": OneOf(FIRST_MESSAGE_MODES),
            "firstMessageInterruptionsEnabled": Flag(),
            "model": MODEL,
            "voice": VOICE,
            "transcriber": TRANSCRIBER,
            "server": server(is_allowed),
            "serverMessages": ListOf(OneOf(SERVER_MESSAGES)),
            "clientMessages": ListOf(Text()),
            "endCallMessage": Text(longest=1000),
            "voicemailMessage": Text(longest=1000),
            "endCallPhrases": ListOf(Text(shortest=2, longest=140)),
            "maxDurationSeconds": Number(10, 43_200),
            # Gone from the schema, still accepted: https://docs.vapi.ai/assistants/call-timeout-settings
            "silenceTimeoutSeconds": Number(10, 3600),
            "backgroundSound": Text(),
            "artifactPlan": ARTIFACT_PLAN,
            "analysisPlan": ANALYSIS_PLAN,
            "metadata": Free(),
            "credentialIds": ListOf(Text()),
            "credentials": ListOf(Free()),
            "hooks": ListOf(Free()),
            "modelOutputInMessagesEnabled": Flag(),
            "transportConfigurations": ListOf(Free()),
            "voicemailDetection": Anything(),
            **dict.fromkeys(
                [
                    "observabilityPlan",
                    "compliancePlan",
                    "backgroundSpeechDenoisingPlan",
                    "startSpeakingPlan",
                    "stopSpeakingPlan",
                    "monitorPlan",
                    "keypadInputPlan",
                ],
                Free(),
            ),
        }
    )


E164 = Text(pattern=r"\+[1-9]\d{6,14}", hint="must be a valid phone number in the E.164 format")


def phone_number(is_allowed: Callable[[str], bool], *, is_new: bool) -> Shape:
    return Shape(
        {
            "provider": OneOf(("twilio",)),
            "number": E164,
            "twilioAccountSid": Text(shortest=1),
            "twilioAuthToken": Text(),
            "twilioApiKey": Text(),
            "twilioApiSecret": Text(),
            "smsEnabled": Flag(),
            "name": Text(longest=40),
            "assistantId": Text(),
            "squadId": Text(),
            "workflowId": Text(),
            "server": server(is_allowed),
            "fallbackDestination": Free(),
            "hooks": ListOf(Free()),
        },
        required=("provider", "number", "twilioAccountSid") if is_new else (),
    )


HMAC_PLAN = Shape(
    {
        "type": Text(),
        "secretKey": Text(shortest=1),
        "algorithm": OneOf(("sha256", "sha512", "sha1")),
        "signatureHeader": Text(),
        "timestampHeader": Text(),
        "signaturePrefix": Text(),
        "includeTimestamp": Flag(),
        "payloadFormat": Text(),
        "messageIdHeader": Text(),
        "signatureEncoding": OneOf(("hex", "base64")),
        "secretIsBase64": Flag(),
    },
    required=("secretKey", "algorithm"),
)
BEARER_PLAN = Shape(
    {"type": Text(), "token": Text(shortest=1), "headerName": Text(), "bearerPrefixEnabled": Flag()},
    required=("token",),
)
CREDENTIAL = Shape(
    {
        "provider": OneOf(("custom-credential",)),
        "name": Text(shortest=1, longest=40),
        "authenticationPlan": ByProvider({"hmac": HMAC_PLAN, "bearer": BEARER_PLAN, "oauth2": Free()}, key="type"),
        "encryptionPlan": Free(),
    },
    required=("provider", "authenticationPlan"),
)
