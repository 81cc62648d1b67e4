"""kefulint beside what a user would pick instead, on the same text and terms, in one run on one core.

The others only say where a term stands; kefulint folds, reads disguises, asks for context and gives findings with clauses.
Every contender's count is asserted: those that look for substrings must agree on the texts with a match, and kefulint's
batch must find what it finds one by one. The order is turned in every round, and ratios are to the bare pyahocorasick loop.

    python benchmarks/speed.py [--rounds 5] [--json FILE] [--node FOLDER_WITH_MINT_FILTER]

Needs: pip install flashtext2 ahocorasick-rs daachorse; npm install mint-filter (each is left out, and said so, where missing).
Text: the agents' messages of the measuring data where KEFULINT_DATA has some, else made-up chat.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import ahocorasick
from made import conversations, rows

from linter import Linter, Message, confirm
from linter.compiled import compiled
from linter.lexicon import Lexicon, load_lexicon

Contender = Callable[[], int]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--json", type=Path)
    asked.add_argument("--node", type=Path, help="folder whose node_modules has mint-filter")
    asked.add_argument("--skip-large", action="store_true", help="leave out the lexicon of 20 times the size")
    given = asked.parse_args()
    lexicon = load_lexicon()
    talk = list(conversations(rows()))
    texts = [message.text for message in talk]
    terms = terms_of(lexicon)
    print(f"{len(texts):,} messages, {sum(map(len, texts)) / len(texts):.1f} characters each; {len(terms):,} terms\n")
    linter = Linter("taobao", lexicon=lexicon)
    contenders = others(texts, terms) | ours(linter, texts, talk)
    taken = race(contenders, given.rounds)
    agree(taken, linter, texts, talk)
    if given.node:
        taken["mint-filter (Node)"] = mint(texts, terms, given.node, given.rounds)
    if not given.skip_large:
        taken |= large(linter, texts, given.rounds)
    show(taken, len(texts))
    if given.json:
        found = {name: {"seconds": seconds, "found": count} for name, (seconds, count) in taken.items()}
        given.json.write_text(
            json.dumps({"date": date.today().isoformat(), "messages": len(texts), "rows": found}, indent=2)
        )


def terms_of(lexicon: Lexicon) -> list[str]:
    """Return every string of characters that the engine's automaton looks for, disguises included, sounds not."""
    terms = compiled(lexicon).scanner.terms
    return sorted({t.text for n in range(len(terms)) for t in terms[n] if t.view == "plain" and not t.excepts})


# --- contenders ------------------------------------------------------------------------------------------------------


def others(texts: Sequence[str], terms: Sequence[str]) -> dict[str, Contender]:
    """Return what a user would pick instead: each counts the texts in which a term stands."""
    bare = ahocorasick.Automaton()
    for term in terms:
        bare.add_word(term, term)
    bare.make_automaton()
    found: dict[str, Contender] = {
        "pyahocorasick, bare loop": lambda: sum([bool(list(bare.iter(text.lower()))) for text in texts])
    }
    for name, make in (("ahocorasick_rs", _rust), ("daachorse", _daachorse), ("flashtext2", _flashtext)):
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed and left out")
            continue
        found[name] = make(texts, terms)
    return found


def _rust(texts: Sequence[str], terms: Sequence[str]) -> Contender:
    import ahocorasick_rs

    automaton = ahocorasick_rs.AhoCorasick(terms)
    return lambda: sum([bool(automaton.find_matches_as_indexes(text.lower(), overlapping=True)) for text in texts])


def _daachorse(texts: Sequence[str], terms: Sequence[str]) -> Contender:
    import daachorse

    automaton = daachorse.CharwiseDoubleArrayAhoCorasick(terms)
    return lambda: sum([bool(automaton.find_overlapping(text.lower())) for text in texts])


def _flashtext(texts: Sequence[str], terms: Sequence[str]) -> Contender:
    import flashtext2

    words = flashtext2.KeywordProcessor(case_sensitive=True)
    words.add_keywords_from_iter(terms)
    return lambda: sum([bool(words.extract_keywords(text.lower())) for text in texts])


def ours(linter: Linter, texts: list[str], talk: list[Message]) -> dict[str, Contender]:
    """Return kefulint's own ways, counting findings."""
    clean = [text for text, found in zip(texts, linter.check_many(texts), strict=True) if not found]
    return {
        "kefulint check_many": lambda: _many(linter, texts),
        "kefulint check_many, contexts": lambda: _many(linter, talk),
        f"kefulint check, clean ({len(clean):,})": lambda: sum(len(_fresh(linter, text)) for text in clean),
    }


def _many(linter: Linter, messages: Sequence[str | Message]) -> int:
    """Judge messages of which nothing is remembered from the round before; return how many findings there are."""
    _forget(linter)
    return sum(map(len, linter.check_many(messages)))


def _fresh(linter: Linter, text: str) -> list[object]:
    """Judge a text that is not remembered from the round before."""
    linter._read.cache_clear()
    return list(linter.check(text))


def _forget(linter: Linter) -> None:
    """Empty what remembers texts: readings, words, quotations, turns of a context."""
    linter._read.cache_clear()
    confirm._cut.cache_clear()
    confirm.quotations.cache_clear()
    for prefilter in linter._prefilters.values():
        prefilter._heard.cache_clear()


def mint(texts: Sequence[str], terms: Sequence[str], folder: Path, rounds: int) -> tuple[float, int]:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"texts": [t.lower() for t in texts], "terms": list(terms), "rounds": rounds}, file)
        file.flush()
        command = ["node", str(Path(__file__).parent / "mint.mjs"), file.name, str(folder.resolve())]
        made = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return made["seconds"], made["found"]


def large(linter: Linter, texts: list[str], rounds: int) -> dict[str, tuple[float, int]]:
    """Judge with nineteen times as many spellings more, in words that no chat has, beside the lexicon of today."""
    made = random.Random(3)
    rare = [chr(code) for code in range(0x3400, 0x4DB0)]
    known = load_lexicon().concepts.values()
    count = 19 * sum(len(c.strong) + len(c.weak) for c in known)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "concepts").mkdir()
        (Path(folder) / "rules" / "size").mkdir(parents=True)
        for number in range(20):
            words = {"".join(made.sample(rare, made.choice((2, 2, 3, 4)))) for _ in range(count // 20)}
            body = f"title: 生僻{number}\ndisguise: no\nstrong: [{', '.join(sorted(words))}]\n"
            (Path(folder) / "concepts" / f"rare-{number}.yaml").write_text(body, encoding="utf-8")
        finds = "".join(f"  - rare-{number}\n" for number in range(20))
        rule = f"title: 生僻\nverdict: info\nstatus: draft\nwhy: 大小\nmessage: 「{{text}}」\nfind:\n{finds}"
        (Path(folder) / "rules" / "size" / "rare-word.yaml").write_text(rule, encoding="utf-8")
        many = Linter("taobao", lexicon=load_lexicon([folder]), drafts=True)
    return race(
        {
            "check_many, by itself": lambda: _many(linter, texts),
            "check_many, lexicon x 20": lambda: _many(many, texts),
        },
        rounds,
    )


# --- the race --------------------------------------------------------------------------------------------------------


def race(contenders: dict[str, Contender], rounds: int) -> dict[str, tuple[float, int]]:
    """Run every contender in turn, the order turned each round; return medians of seconds, and counts."""
    counts = {name: contender() for name, contender in contenders.items()}  # warm-up
    gc.collect()
    gc.freeze()
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            count = contenders[name]()
            taken[name].append(time.perf_counter() - began)
            assert count == counts[name], f"{name}: {count} now, {counts[name]} before"
    return {name: (statistics.median(taken[name]), counts[name]) for name in names}


def agree(rows: dict[str, tuple[float, int]], linter: Linter, texts: Sequence[str], talk: Sequence[Message]) -> None:
    """Those that look for substrings must agree, and a batch must find what single checks find."""
    bare = rows["pyahocorasick, bare loop"][1]
    for name in ("ahocorasick_rs", "daachorse"):
        assert rows.get(name, (0, bare))[1] == bare, f"{name} found other texts"
    assert rows["kefulint check_many"][1] == sum(len(linter.check(text)) for text in texts)
    assert rows["kefulint check_many, contexts"][1] == sum(len(linter.check_message(m)) for m in talk)


def show(rows: dict[str, tuple[float, int]], messages: int) -> None:
    base = rows["pyahocorasick, bare loop"][0] / messages
    print(f"{'':<34}{'µs a message':>14}{'messages/s':>14}{'x the loop':>12}{'found':>10}")
    for name, (seconds, found) in rows.items():
        count = int(name.partition("(")[2].replace(",", "")[:-1]) if "clean (" in name else messages
        each = seconds / count
        print(f"{name:<34}{each * 1e6:>14.2f}{1 / each:>14,.0f}{base / each:>12.2f}{found:>10,}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
