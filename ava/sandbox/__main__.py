"""`python -m ava.sandbox --port 9100 --state DIR [--allow-webhook-origin http://127.0.0.1:8000]`"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from types import FrameType

from ava.sandbox.server import serve


def stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ava.sandbox", description="Stands in for Vapi, Twilio and Expo.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--state", required=True, metavar="DIR", help="where assistants, numbers and calls are kept")
    parser.add_argument("--mail-port", type=int, help="also take mail there, to be read under /mail")
    parser.add_argument("--allow-webhook-origin", action="append", default=[], metavar="ORIGIN")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s sandbox %(message)s")
    signal.signal(signal.SIGTERM, stop)
    serve(options.host, options.port, options.state, options.allow_webhook_origin, options.mail_port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
