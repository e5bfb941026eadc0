"""User agents: the names of browsers and devices, as people recognise them in a list of sessions."""

from __future__ import annotations

import re

#: The first match counts: most browsers also name those that they descend from.
_BROWSERS = (
    (r"\bEdg(?:e|A|iOS)?/", "Edge"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bWhale/", "Whale"),
    (r"\bKAKAOTALK\b", "KakaoTalk"),
    (r"\bNAVER\(", "Naver"),
    (r"\b(?:OPR|OPiOS)/", "Opera"),
    (r"\bFirefox/|\bFxiOS/", "Firefox"),
    (r"\b(?:Chrome|CriOS|HeadlessChrome)/", "Chrome"),
    (r"\bSafari/", "Safari"),
)
_DEVICES = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bWindows\b", "Windows"),
    (r"\bMac OS X\b|\bMacintosh\b", "Mac"),
    (r"\bLinux\b|\bX11\b", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Return "Firefox on Android", or as much of it as can be told; "" when that is nothing."""
    browser = _first(_BROWSERS, user_agent)
    device = _first(_DEVICES, user_agent)
    return f"{browser} on {device}" if browser and device else browser or device


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    # The header may be of any length; the names stand near its beginning.
    return next((name for pattern, name in patterns if re.search(pattern, text[:400])), "")
