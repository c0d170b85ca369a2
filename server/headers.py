"""What every answer carries to protect the browser that gets it, whether the application or nginx gives it.

Source: OWASP ASVS 5.0, chapter 3.4.
"""

from __future__ import annotations

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'", "img-src 'self' blob: data:", "script-src 'self'", "style-src 'self'",
        "connect-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
    )
)  # fmt: skip
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"  # a picture or download that is opened by itself
FOR_A_YEAR_S = 31_536_000
HTTPS_ONLY = f"max-age={FOR_A_YEAR_S}"  # Strict-Transport-Security, where the request came over HTTPS

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # a result's address is its key; the CSRF check needs it within the site
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
