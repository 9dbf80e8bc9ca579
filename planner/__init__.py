"""The follow-through engine of an administration: plans in, reminders and escalations out, one report."""

__version__ = "0.1.0"
