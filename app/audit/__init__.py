"""The audit trail: `audit.record(...)` in the transaction of the act itself."""

from app.audit.recording import forget_details, record

__all__ = ["forget_details", "record"]
