"""HTML in, what a buyer reads of it out, at the same length, so that spans stay those of the source."""

from __future__ import annotations

import html
import re

_BLOCK = {"p", "div", "br", "li", "tr", "td", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "hr"}
_HIDDEN = (  # what is hidden with all that is in it, and the sign that closes it
    (re.compile(r"<!--.*?-->", re.DOTALL), "-->"),
    (re.compile(r"<script\b.*?</script\s*>", re.DOTALL), "</script"),
    (re.compile(r"<style\b.*?</style\s*>", re.DOTALL), "</style"),
)
# A tag holds nothing but attributes: what else stands between < and > was written for people, as was <https://…>
_MARKUP = re.compile(
    r"</?([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z_:@][\w:.\-]*(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))?)*)\s*/?>",
    re.ASCII,
)
_ADDRESS = re.compile(  # where a tag leads to; what is only shown (src) or leads nowhere (#, javascript:) is none
    r"\b(?:href|action|formaction|data-(?:href|url|link))\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))", re.IGNORECASE
)
_LEADS = re.compile(
    r"\s*(?:[a-z][a-z0-9+.\-]*:(?!\s*void)|//|[a-z0-9][a-z0-9\-]*\.[a-z0-9.\-]+(?:[/?#]|$))(?<!javascript:)",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")


def mask_html(source: str) -> str:
    """Return the readable text of HTML at the same length, so that spans stay those of the source.

    A tag becomes invisible filler, a block tag begins with a line break, an entity becomes its character and filler. The
    address that a tag leads to stays, between spaces.
    """
    if "<" not in source and "&" not in source:
        return source
    masked = source
    for pattern, close in _HIDDEN:
        end = masked.find(">", masked.rfind(close)) + 1 if close in masked else 0  # none behind it: time stays linear
        masked = pattern.sub(lambda match: "\u200b" * len(match[0]), masked[:end]) + masked[end:]
    masked = _MARKUP.sub(_mask_tag, masked)
    return _ENTITY.sub(lambda match: html.unescape(match[0])[:1].ljust(len(match[0]), "\u200b"), masked)


def _mask_tag(match: re.Match[str]) -> str:
    block = match[1].lower() in _BLOCK
    masked = ("\n" if block else "\u200b").ljust(len(match[0]), "\u200b")
    for address in _ADDRESS.finditer(match[0], match.start(2) - match.start(), match.end(2) - match.start()):
        start, end = address.span(address.lastindex or 0)
        if _LEADS.match(match[0], start, end):
            masked = f"{masked[: start - 1]} {match[0][start:end]} {masked[end + 1 :]}"
    return masked
