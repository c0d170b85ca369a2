"""What can be refused about an account. Each error carries a sentence fit to be shown.

AccountError
├── BadName         the login name can't be used
├── NameTaken       somebody has that login name
├── WeakPassword    the password is too easy to guess
├── SamePassword    the new password is the present one
├── WrongLogin      name and password don't belong together, or the user is disabled
├── WrongPassword   the password that is asked again before an act is not one's own
├── TooSoon         too many wrong passwords for this name; carries the seconds to wait
├── FirstPassword   the password that somebody else gave has to be changed first
├── UnknownUser     there is no such user
├── LastAdmin       nobody could administer the server any more
└── SetupOver       the first admin exists already
"""

from __future__ import annotations


class AccountError(Exception):
    """Base of all account errors; `sentence` is fit to be shown, `status` is the HTTP status to answer with."""

    status = 422
    sentence = "That can't be done with this account."

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        super().__init__(self.sentence)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the answer."""
        return {}


class BadName(AccountError):
    sentence = "A login name has 2 to 80 letters, digits, dots, hyphens, underscores or @, and starts with a letter."


class NameTaken(AccountError):
    sentence = "Somebody has this login name already."


class WeakPassword(AccountError):
    pass


class SamePassword(AccountError):
    sentence = "That is the present password. Choose another one."


class WrongLogin(AccountError):
    status = 401
    sentence = "Name or password is wrong."


class WrongPassword(AccountError):
    sentence = "Your own password is wrong. Nothing was changed."


class TooSoon(AccountError):
    status = 429

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too many wrong passwords for this name. Try again in {wait_s} seconds.")

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.wait_s)}


class FirstPassword(AccountError):
    status = 403
    code = "first_password"
    sentence = "Somebody else gave you your password. Choose one of your own under Account first."


class UnknownUser(AccountError):
    status = 404
    sentence = "There is no such user."


class LastAdmin(AccountError):
    status = 409
    sentence = "This is the last admin who can log in. Make another admin first."


class SetupOver(AccountError):
    status = 404
    sentence = "This setup link is not valid any more."
