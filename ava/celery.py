"""The Celery application. The database is the queue; the broker only rings the bell."""

import os

from celery import Celery
from kombu.transport import redis as redis_transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ava.settings")

app = Celery("ava")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class QoS(redis_transport.QoS):
    """The messages in a worker's hands. When the connection breaks, kombu 5.7 would end the worker over them.

    So nothing is handed back over a dead connection, where it would only run beside its own copy, and nothing is
    acknowledged there. The sweeper finds what was left undone; what comes twice is done already.
    """

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge where there is still somebody to tell."""
        if not self.channel.closed:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject, or hand back, where there is still somebody to tell."""
        if not self.channel.closed:
            super().reject(delivery_tag, requeue=requeue)


redis_transport.Channel.QoS = QoS
