"""Entries and queries at random: few words and keys, so that queries hit what is stored."""

from hypothesis import strategies as st

from explore.fields import name_of_key

LEVELS = ["debug", "info", "warn", "error", "fatal", "panic"]
#: Few words and keys, so that queries hit; with what SQL, LIKE, JSON and JSON paths hold for special.
WORDS = [
    "alpha", "Beta", "ALPHA beta", "a%b", "a_b", "50%", "back\\slash", "it's", 'say "hi"', "über", "ÜBER", "日本", "12",
    "\u212aelvin", "kelvin", "İ-3",
    "true", "null", "1.50", "1e3", "a*b", "tab\there", "$.x", "' OR 1=1 --", "%s", "{}", "😀", "", "-3",
]  # fmt: skip
KEYS = [
    "user",
    "id",
    "user.id",
    "id.tags.",
    "",
    ".",
    "a b",
    "$k",
    'q"k',
    "back\\k",
    "tags",
    "naïve",
    "%s",
    "null",
    "\n",
]
#: What the errors of a group were counted for: of several that were merged, of one, and of one that has none left.
GROUPS = {17: (170, -(2**63)), 2: (2**63 - 1,), 3: ()}
words = st.sampled_from(WORDS)
numbers = st.sampled_from([0, 1, -3, 12, 123, 1.5, 1000, 10**20, 0.1, 1e20, -1.25e-7, 4e300])
scalars = st.one_of(words, numbers, st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)
entries = st.fixed_dictionaries(
    {"level": st.sampled_from(LEVELS), "message": words},
    optional={
        "environment": words,
        "project": words,
        "trace_id": words,
        "edge": words,
        "error_key": st.sampled_from([170, -(2**63), 2**63 - 1, 5]),
        "metadata": st.none() | st.dictionaries(st.sampled_from([*KEYS, "trace_id"]), values, max_size=4),
        "error": st.fixed_dictionaries(
            {},
            optional={
                "type": words,
                "message": words,
                "stack_trace": st.lists(words, max_size=2),
                "context": st.dictionaries(st.sampled_from(KEYS), values, max_size=2),
            },
        ),
    },
)


def keys_of(number: int) -> tuple[int, ...]:
    """Return the fingerprints of a group, as an organisation knows them; of a number that it does not know, none."""
    return GROUPS.get(number, ())


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(text: str) -> str:
    return "".join(character if character.isalnum() else "\\" + character for character in text) or '""'


plain = st.one_of(words.map(quoted), words.map(escaped), numbers.map(str))
globs = st.one_of(
    st.just("*"),
    st.tuples(st.sampled_from(["", "*"]), words.map(escaped).filter(lambda w: w != '""'), st.just("*")).map("".join),
)
compared = st.tuples(st.sampled_from([">", ">=", "<", "<="]), plain).map("".join)
ranged = st.tuples(st.sampled_from("[{"), plain, plain, st.sampled_from("]}")).map(
    lambda r: f"{r[0]}{r[1]} TO {r[2]}{r[3]}"
)
#: Keys on the way; the last are beyond what a store may write as alternatives.
metadata_keys = (
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=5)
    .map(".".join)
    .map(lambda key: "".join(c if c.isalnum() or c == "." else f"\\{c}" for c in name_of_key(key)))
)
text_keys = st.sampled_from(
    [
        "environment",
        "env",
        "project",
        "trace",
        "message",
        "error.type",
        "error.message",
        "error.stack_trace",
        "span_id",
        "edge",
    ]
)
terms = st.one_of(
    plain,
    globs,
    st.tuples(metadata_keys, st.just(":"), st.one_of(plain, globs, compared, ranged)).map("".join),
    st.tuples(text_keys, st.just(":"), st.one_of(plain, globs)).map("".join),
    st.tuples(st.just("level:"), st.sampled_from(["", ">", ">=", "<", "<="]), st.sampled_from(LEVELS)).map("".join),
    st.sampled_from(["error", "metadata", "trace", "user", "environment", "group", "edge"]).map("has:".__add__),
    st.sampled_from(["17", "2", "3", "4", "(17 OR 2)", "(3 2)", "17 OR has:error"]).map("group:".__add__),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" ", " AND ", " OR "]), inner).map(lambda t: f"({t[0]}){t[1]}({t[2]})"),
        inner.map(lambda q: f"NOT ({q})"),
        inner.map(lambda q: f"-({q})"),
    ),
    max_leaves=4,
)
