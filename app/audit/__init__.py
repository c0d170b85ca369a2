"""The audit trail: `audit.record(...)` in the transaction of the act itself."""

from app.audit.recording import forget, record

__all__ = ["forget", "record"]
