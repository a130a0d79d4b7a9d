"""URLs of stores and brokers as people may see them, and errors that came of them: without anything that is secret.

A password may stand where nobody looks for one: before the @ alone, in the query, or in the place of the host where a
slash is missing.  So no more is ever shown than what reads in one way only, and of that no more than scheme, host, port
and database.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, unquote_plus

UNPARSED = "(a URL that cannot be parsed)"
HIDDEN = "***"

HINT = "write special characters of a password percent-encoded: @ as %40, / as %2F, : as %3A"

_SCHEMES = (
    r"postgres|postgresql(?:\+psycopg2?)?|redis|rediss|redis\+socket|unix|valkey|valkeys|valkey\+socket"
    r"|amqp|amqps|pyamqp|sentinel|rpc|memory"
)
_HOST = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
# What a driver may read in another way than is read here is refused: an @ after the host, say, which may be that of a
# password with a slash in it.
_URL = re.compile(
    rf"(?P<scheme>{_SCHEMES})://(?:(?P<user>[!-~]*?)@)?(?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)"
    r"(?P<path>(?:/[!->@-~]*)?)(?P<query>(?:\?[!-~]*)?)"
)
_UNFIT = {"user": "/?#@[];\\", "path": "#@[];\\", "query": "#@;"}
_NUMBERED = re.compile(r"(?:redis|rediss|valkey|valkeys)")
_SQLITE = re.compile(
    r"(?P<scheme>sqlite(?:\+pysqlite)?)://(?P<path>(?:/(?!.*:.*@)[^?\x00-\x1f\x7f]*)?)(?P<query>(?:\?.*)?)", re.DOTALL
)
_LIKE_A_URL = re.compile(r":/|//|@")

_TOLD = frozenset({"host", "port"})
"""Names in a query whose values are no secret, and that errors are of no use without."""

_USUAL = _TOLD | {
    *("application_name", "blocked_connection_timeout", "channel_max", "connect_timeout", "connection_attempts", "db"),
    *("dbname", "heartbeat", "hostaddr", "mode", "options", "passfile", "password", "protocol", "retry_delay"),
    *("service", "socket_timeout", "sslcert", "sslkey", "sslmode", "sslpassword", "sslrootcert", "timeout", "user"),
    *("username", "virtual_host"),
}
"""Names in a query that are none of a secret themselves."""

LAST_PORT = 65535

SHORT = 4
"""Characters below which a secret is looked for only as a word: it would be found within any other."""


_OF_URLS = str.maketrans({character: quote(character) for character in (*"%?#@\x7f", *map(chr, range(0x20)))})


def sqlite_url(path: Path, prefix: str = "sqlite:///") -> str:
    """The URL of a SQLite file, in which no character of its path is one of the URL."""
    return f"{prefix}{str(path).translate(_OF_URLS)}"


_known: dict[str, None] = {}
MOST_KNOWN = 64


def remember(url: str) -> None:
    """Have the secrets of a URL taken out of whatever this program tells of."""
    if is_sound(url):
        _known[url] = None
        while len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]


def clean(text: str) -> str:
    """A text without the secrets of all URLs that this program knows."""
    for url in tuple(_known):
        text = without_secrets(text, url)
    return text


def is_sound(url: str) -> bool:
    """Whether a URL can be read in one way only."""
    return _SQLITE.fullmatch(url) is not None or _parts(url) is not None


def mask(url: str) -> str:
    """What of a URL may be shown: scheme, host, port and database."""
    if not url:
        return ""
    if sqlite := _SQLITE.fullmatch(url):
        return f"{sqlite['scheme']}://{sqlite['path']}{_hidden(sqlite['query'])}"
    parts = _parts(url)
    if parts is None:
        return UNPARSED
    return ";".join(
        f"{part['scheme']}://{'' if part['user'] is None else f'{HIDDEN}@'}{part['hosts']}{part['path']}"
        f"{_hidden(part['query'])}"
        for part in parts
    )


def mask_any(text: str) -> str:
    """A text that should be something else, and may be a URL that was put in the wrong place."""
    return mask(text) if _LIKE_A_URL.search(text) and not text.startswith("/") else text


_ANY_URL = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^\s/?#@]*)@)?(?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)"
    r"(?P<path>(?:/[^\s?#@]*)?)(?P<query>(?:\?[^\s#]*)?)(?P<fragment>(?:#\S*)?)"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")


def mask_setting(text: str) -> str:
    """What of a setting of a plugin may be shown: of a URL of any kind no more than scheme, hosts and path."""
    if not _LIKE_A_URL.search(text) or text.startswith("/") or _ADDRESS.fullmatch(text):
        return text
    if is_sound(text):
        return mask(text)
    if (url := _ANY_URL.fullmatch(text)) is not None:
        user = "" if url["user"] is None else f"{HIDDEN}@"
        fragment = f"#{HIDDEN}" if url["fragment"] else ""
        return f"{url['scheme']}://{user}{url['hosts']}{url['path']}{_hidden(url['query'])}{fragment}"
    return UNPARSED if "@" in text or "?" in text else text


def url_secrets(text: str) -> set[str]:
    """Whatever may be secret in a setting of a plugin that is a URL; nothing where it is none."""
    if mask_setting(text) == text:
        return set()
    if is_sound(text):
        return _secrets(text)
    if (url := _ANY_URL.fullmatch(text)) is None:
        return {text}
    user, colon, password = (url["user"] or "").partition(":")
    return _forms({password if colon else user, *_of_query(url["query"]), url["fragment"].removeprefix("#")})


def without_secrets(text: str, url: str) -> str:
    """What a driver says of a URL, without what is secret in that."""
    if not url:
        return text
    return hide(text, _secrets(url)) if is_sound(url) else UNPARSED


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without some others."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) < SHORT:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
        else:
            text = text.replace(secret, HIDDEN)
    return text


def purge(error: BaseException, *urls: str) -> None:
    """Take what is secret in URLs out of an error and out of all that it came of, which tracebacks print.

    In all URLs that this program knows, where none is given.
    """
    urls = urls or tuple(_known)
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        one = left.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__, getattr(one, "orig", None), *one.args, *getattr(one, "exceptions", ())]
        for url in urls:
            _purge(one, url)


def _purge(error: BaseException, url: str) -> None:
    cleaned = tuple(without_secrets(arg, url) if isinstance(arg, str) else arg for arg in error.args)
    if cleaned != error.args:
        error.args = cleaned
    if notes := getattr(error, "__notes__", None):
        notes[:] = [without_secrets(str(note), url) for note in notes]
    for name in ("message", "strerror", "reason", "reply_text", "hint"):  # which are shown in the place of `args`
        text = getattr(error, name, None)
        if isinstance(text, str) and (clean := without_secrets(text, url)) != text:
            with contextlib.suppress(AttributeError):  # that of a group is fixed when it is made
                setattr(error, name, clean)


def _parts(url: str) -> list[re.Match[str]] | None:
    """A URL, or several of brokers with `;` between them, by their parts; None where one can be read in two ways."""
    found: list[re.Match[str]] = []
    for part in re.split(rf";(?=(?:{_SCHEMES})://)", url):
        match = _URL.fullmatch(part)
        if match is None or any(set(unfit) & set(match[name] or "") for name, unfit in _UNFIT.items()):
            return None
        if _NUMBERED.fullmatch(match["scheme"]) and not re.fullmatch(r"(/\d{0,4})?", match["path"]):
            return None
        if found and match["scheme"].startswith("postgres"):  # only brokers are listed
            return None
        if any(int(port) > LAST_PORT for port in re.findall(r":(\d{1,5})(?:,|\Z)", match["hosts"])):
            return None
        found.append(match)
    return found


def _secrets(url: str) -> set[str]:
    """Whatever of a URL that can be read may be secret, in each way that a driver may write it."""
    found: set[str] = set()
    if sqlite := _SQLITE.fullmatch(url):
        found.update(_of_query(sqlite["query"]))
    for part in _parts(url) or ():
        user, colon, password = (part["user"] or "").partition(":")
        # A name before an @ alone may be a password in its place, but hardly with PostgreSQL, where one has both.
        found.update((password,) if colon or part["scheme"].startswith("postgres") else (user,))
        found.update(_of_query(part["query"]))
    return _forms(found)


def _forms(texts: Iterable[str]) -> set[str]:
    """Texts in each way that they may be written."""
    decoded = {plain for text in texts for plain in (text, unquote(text), unquote_plus(text))}
    return {form for text in decoded if text for form in (text, quote(text, ""), quote_plus(text), repr(text)[1:-1])}


def _of_query(query: str) -> Iterator[str]:
    for item in query.removeprefix("?").split("&"):
        name, _, value = item.partition("=")
        plain = unquote_plus(name)
        for text in (*(() if plain in _USUAL else (name,)), *(() if plain in _TOLD else (value,))):
            yield text
            # A driver may name a part alone, as of options: -c name=value
            yield from re.findall(r"[^\s=,'\"\\]+", unquote_plus(text))


def _hidden(query: str) -> str:
    return f"?{HIDDEN}" if query else ""
