"""What a browser may run, show and ask for on our pages: the Content-Security-Policy, stated once."""

HEADER = "Content-Security-Policy"

_EVERYWHERE = "script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; {rest}"
_CLOSED = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

#: Pages that load scripts of Django's admin, whose jQuery and select2 write markup.
OF_DJANGO = f"default-src 'self'; {_EVERYWHERE.format(rest=_CLOSED)}"


def own(*, connect: str = "") -> str:
    """Return the policy of a page of ours: nothing inline, nothing from elsewhere, and no text ever becomes markup.

    `connect` is one more origin that its scripts may ask.
    """
    asks = f"connect-src 'self'{' ' if connect else ''}{connect}"
    trusted = "require-trusted-types-for 'script'; trusted-types 'none'"
    return f"default-src 'none'; {asks}; {_EVERYWHERE.format(rest=_CLOSED)}; {trusted}"


OWN = own()
