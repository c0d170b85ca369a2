"""One table per file. Importing this package registers them all."""

from app.tables.analysis import Analysis
from app.tables.audit_event import AuditEvent
from app.tables.clinic import Clinic
from app.tables.image import Image
from app.tables.login_session import LoginSession
from app.tables.review import Review
from app.tables.user import User

__all__ = ["Analysis", "AuditEvent", "Clinic", "Image", "LoginSession", "Review", "User"]
