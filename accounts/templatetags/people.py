"""How people know their own devices."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()

# The first that fits: each browser names older ones too.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    **{"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows"},
    **{"Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux"},
}
LONGEST = 60


@register.filter
def browser(user_agent: str) -> str:
    """A browser and its device, from what the browser says of itself."""
    name = next((words for mark, words in _BROWSERS.items() if mark in user_agent), "")
    system = next((words for mark, words in _SYSTEMS.items() if mark in user_agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return name or system or user_agent[:LONGEST] or _("unknown browser")
