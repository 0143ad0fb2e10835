"""formtools' session storage, which by itself would write the session each time a step is only looked at."""

from typing import Any

from formtools.wizard.storage.session import SessionStorage


class QuietSessionStorage(SessionStorage):
    """Writes the session when a step is posted, and never on looking."""

    def _get_data(self) -> Any:
        return self.request.session[self.prefix]

    def _set_data(self, value: Any) -> None:
        self.request.session._session[self.prefix] = value

    data = property(_get_data, _set_data)

    def set_step_data(self, step: str, cleaned_data: Any) -> None:
        super().set_step_data(step, cleaned_data)
        self.request.session.modified = True
