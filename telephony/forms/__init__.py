"""What people fill in about their numbers and when these are open."""

from telephony.forms.hours import BusinessHoursForm, HolidayForm, flat_week
from telephony.forms.numbers import OwnNumberForm, PoolNumberForm

__all__ = ["BusinessHoursForm", "HolidayForm", "OwnNumberForm", "PoolNumberForm", "flat_week"]
