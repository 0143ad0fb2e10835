"""Where the console's pages are, and what a browser would send back from one."""

from typing import Any

from django.db.models import Model
from django.urls import reverse


def page(model: type[Model], name: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def form_in(answer: Any) -> dict[str, Any]:
    """Every field of the page's form and of its inlines, as it stands there."""
    inlines = [inline.formset for inline in answer.context["inline_admin_formsets"]]
    forms = [answer.context["adminform"].form]
    forms += [form for formset in inlines for form in (formset.management_form, *formset.initial_forms)]
    values = {field.html_name: field.value() for form in forms for field in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def change(client: Any, row: Model, **typed: Any) -> Any:
    """Open a row's page, type something and press Save."""
    address = page(type(row), "change", row.pk)
    return client.post(address, form_in(client.get(address)) | typed)


def act(client: Any, action: str, *rows: Model) -> list[str]:
    """Do an action on rows of a list; what the page then says."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = client.post(page(type(rows[0])), chosen, follow=True)
    return [str(message) for message in answer.context["messages"]]
