"""Which function does which part of a call."""

import logging
from collections.abc import Callable

from django.utils.translation import gettext_noop

from calls import notifications, recordings, summaries
from calls.models import ProcessingStep, StepKind
from calls.processing import MOST_STEP_ATTEMPTS, ClaimLost, GiveUp, Outcome, TryLater, claim, fail, finish

logger = logging.getLogger(__name__)

PARTS: dict[str, Callable[[ProcessingStep], Outcome]] = {
    StepKind.RECORDING: recordings.store,
    StepKind.SUMMARY: summaries.write,
    StepKind.EMAIL: notifications.send_email,
    StepKind.PUSH: notifications.send_push,
}


def run(step_id: int, task_id: str) -> None:
    """Claim a part, do it, keep how it went. Nothing to do when another has it."""
    step = claim(step_id, task_id)
    if step is None:
        return
    try:
        if step.attempts > MOST_STEP_ATTEMPTS:
            raise GiveUp(gettext_noop("its worker died each time"))
        outcome = PARTS[step.kind](step)
    except ClaimLost:
        logger.info("Part %s of call %s has another worker now, or is gone", step.kind, step.call_id)
    except (TryLater, GiveUp) as error:
        fail(step, error)
    except Exception as error:
        logger.exception("Part %s of call %s went wrong", step.kind, step.call_id)
        fail(step, TryLater(gettext_noop("something went wrong on our side") + f" ({type(error).__name__})"))
    else:
        finish(step, outcome)
