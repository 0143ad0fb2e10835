"""The pages that show what the sandbox was sent: somebody else's text, which may show itself and do nothing else."""

from __future__ import annotations

from werkzeug.wrappers import Response

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:start;padding:.5rem;border-bottom:1px solid #8884}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere}}iframe{{width:100%;height:32rem;border:1px solid #8884}}
</style></head><body>{body}</body></html>"""


def page(title: str, body: str) -> Response:
    """A whole page; both are HTML already."""
    return html(PAGE.format(title=title, body=body))


def html(text: str) -> Response:
    """HTML as it is, allowed next to nothing."""
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response
