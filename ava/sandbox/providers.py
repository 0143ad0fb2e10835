"""What Vapi accepts in `model`, `voice` and `transcriber`: each provider has its own schema.

From the API description's OpenAIModel, ElevenLabsVoice, DeepgramTranscriber and their siblings.
"""

from __future__ import annotations

from ava.sandbox.validation import Anything, ByProvider, Flag, Free, ListOf, Number, OneOf, Rule, Shape, Text

MESSAGE = Shape(
    {
        "role": OneOf(("assistant", "function", "user", "system", "tool")),
        "content": Text(longest=100_000_000),
        "name": Text(),
        "tool_calls": ListOf(Free()),
        "tool_call_id": Text(),
    },
    required=("role",),
)

# There is no `systemPrompt` in any model's schema: the prompt is the first of `messages`.
ANY_MODEL: dict[str, Rule] = {
    "provider": Text(),
    "model": Text(),
    "messages": ListOf(MESSAGE),
    "temperature": Number(0, 2),
    "maxTokens": Number(50, 10_000),
    "tools": ListOf(Free()),
    "toolIds": ListOf(Text()),
    "toolRefs": ListOf(Free()),
    "knowledgeBase": Free(),
    "emotionRecognitionEnabled": Flag(),
    "numFastTurns": Number(0),
}
OPENAI_MODEL: dict[str, Rule] = {
    "model": Text(pattern=r"(gpt-|o\d|chatgpt-|chat-latest).*", hint="must be one of the OpenAI models of the schema"),
    "fallbackModels": ListOf(Text()),
    "toolStrictCompatibilityMode": Text(),
    "promptCacheRetention": Text(),
    "promptCacheKey": Text(),
    "serviceTier": Text(),
    "reasoningEffort": Text(),
    "speaker": Free(),
    "reasoner": Free(),
}
CUSTOM_MODEL: dict[str, Rule] = {
    "url": Text(shortest=1),
    "headers": Free(),
    "timeoutSeconds": Number(20, 600),
    "metadataSendMode": Text(),
    "wordLevelConfidenceEnabled": Flag(),
}


def model(*, more: dict[str, Rule] | None = None, required: tuple[str, ...] = ()) -> Shape:
    return Shape({**ANY_MODEL, **(more or {})}, required=("model", *required))


MODEL = ByProvider(
    {
        "openai": model(more=OPENAI_MODEL),
        "anthropic": model(more={"thinking": Free()}),
        "anthropic-bedrock": model(more={"thinking": Free()}),
        "google": model(more={"realtimeConfig": Free()}),
        "custom-llm": model(more=CUSTOM_MODEL, required=("url",)),
        "minimax": model(more={"fallbackModels": ListOf(Text())}),
        "vapi": model(more={"steps": ListOf(Free()), "workflowId": Text(), "workflow": Free()}),
        **dict.fromkeys(
            [
                "groq",
                "xai",
                "cerebras",
                "deep-seek",
                "deepinfra",
                "together-ai",
                "openrouter",
                "perplexity-ai",
                "anyscale",
                "inflection-ai",
            ],
            model(),
        ),
    }
)

VOICE_BASICS: dict[str, Rule] = {
    "provider": Text(),
    "voiceId": Text(shortest=1),
    "cachingEnabled": Flag(),
    "chunkPlan": Free(),
    "fallbackPlan": Free(),
}
ELEVENLABS_VOICE: dict[str, Rule] = {
    "stability": Number(0, 1),
    "similarityBoost": Number(0, 1),
    "style": Number(0, 1),
    "useSpeakerBoost": Flag(),
    "optimizeStreamingLatency": Number(0, 4),
    "enableSsmlParsing": Flag(),
    "autoMode": Flag(),
    "model": Text(),
    "language": Text(),
    "pronunciationDictionaryLocators": ListOf(Free()),
}
VAPI_VOICE: dict[str, Rule] = {
    "version": Anything(),
    "language": Text(),
    "pronunciationDictionary": ListOf(Free()),
}


class OpenVoice:
    """Providers whose full schema is not kept here: only what all voices share is checked."""

    def __init__(self, **bounds: Rule) -> None:
        self.bounds = bounds

    def problems(self, path: str, value: dict) -> list[str]:
        if not value.get("voiceId"):
            return [f"{path}.voiceId should not be empty"]
        checked = {name: rule for name, rule in self.bounds.items() if value.get(name) is not None}
        return [text for name, rule in checked.items() for text in rule.problems(f"{path}.{name}", value[name])]


def voice(slowest: float, fastest: float, more: dict[str, Rule] | None = None) -> Shape:
    return Shape({**VOICE_BASICS, "speed": Number(slowest, fastest), **(more or {})}, required=("voiceId",))


VOICE = ByProvider(
    {
        "11labs": voice(0.7, 1.2, ELEVENLABS_VOICE),
        "azure": voice(0.5, 2),
        "vapi": voice(0.25, 2, VAPI_VOICE),
        "openai": voice(0.25, 4, {"model": Text(), "instructions": Text(longest=10_000)}),
        "playht": OpenVoice(speed=Number(0.1, 5)),
        "lmnt": OpenVoice(speed=Number(0.25, 2)),
        "minimax": OpenVoice(speed=Number(0.5, 2)),
        "xai": OpenVoice(speed=Number(0.7, 1.5)),
        "microsoft": OpenVoice(speed=Number(0.5, 2)),
        **dict.fromkeys(
            [
                "cartesia",
                "deepgram",
                "rime-ai",
                "hume",
                "neuphonic",
                "inworld",
                "smallest-ai",
                "wellsaid",
                "sesame",
                "tavus",
            ],
            OpenVoice(),
        ),
        "custom-voice": Free(),
    }
)

DEEPGRAM = Shape(
    {
        "provider": Text(),
        "model": Text(),
        "language": Text(),
        "languages": ListOf(Text()),
        "smartFormat": Flag(),
        "mipOptOut": Flag(),
        "numerals": Flag(),
        "profanityFilter": Flag(),
        "redaction": ListOf(Text()),
        "confidenceThreshold": Number(0, 1),
        "eotThreshold": Number(),
        "eotTimeoutMs": Number(),
        "keywords": ListOf(Text()),
        "keyterm": ListOf(Text()),
        "endpointing": Number(10, 500),
        "fallbackPlan": Free(),
    }
)
TRANSCRIBER = ByProvider(
    {
        "deepgram": DEEPGRAM,
        **dict.fromkeys(
            [
                "assembly-ai",
                "azure",
                "11labs",
                "custom-transcriber",
                "gladia",
                "google",
                "openai",
                "soniox",
                "cartesia",
                "speechmatics",
                "talkscriber",
                "vapi",
            ],
            Free(),
        ),
    }
)
