"""Configuration: what holds for a file, where it comes from, and that nothing in it silently does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter.cli import main
from linter.config import FAIL_ON, KEYS, OVERRIDES, Finder, Pattern, load, schema
from linter.model import KefulintError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


PATTERNS = [
    ("faq/**", "faq/a.md", True),
    ("faq/**", "faq/deep/a.md", True),
    ("faq/**", "other/faq/a.md", False),
    ("faq/*.md", "faq/a.md", True),
    ("faq/*.md", "faq/deep/a.md", False),
    ("**/a.md", "a.md", True),
    ("**/a.md", "x/y/a.md", True),
    ("旧话术", "旧话术/一.txt", True),
    ("旧话术/", "深/旧话术/一.txt", True),
    ("*.csv", "x/y/话术 表.csv", True),
    ("?.txt", "ab.txt", False),
    ("/top.txt", "top.txt", True),
    ("/top.txt", "x/top.txt", False),
    ("a[1].txt", "a[1].txt", True),
    ("faq", "faqs/a.md", False),
]


@pytest.mark.parametrize(("pattern", "path", "covered"), PATTERNS, ids=[f"{p} {f}" for p, f, _ in PATTERNS])
def test_patterns(pattern: str, path: str, covered: bool, tmp_path: Path) -> None:
    assert Pattern(pattern, tmp_path, "").covers(tmp_path / path) is covered


def test_a_pattern_ends_at_its_folder(tmp_path: Path) -> None:
    assert not Pattern("**", tmp_path / "in", "").covers(tmp_path / "out.txt")


WRONG = [
    ("unknown key", 'platform = ["tmall"]', "kefulint.toml:1: unknown key 'platform' in the configuration, expected one of"),
    ("unknown platform", 'platforms = [\n  "tmall",\n  "ebay",\n]', "kefulint.toml:3: a platform is 'ebay', expected one of"),
    ("no platform", "platforms = []", "kefulint.toml:1: platforms is empty, expected at least one of tmall"),
    ("not a list", 'platforms = "tmall"', "kefulint.toml:1: platforms is a text, expected a list of texts"),
    ("unknown rule", 'ignore = ["cold-replay"]', "kefulint.toml:1: unknown rule 'cold-replay', expected a rule such as cold-reply"),
    ("rule from another world", 'select = ["E501"]', "expected one that kefulint rules list shows"),
    ("unknown verdict", '[verdicts]\n"insult" = "fatal"', "kefulint.toml:2: the verdict of insult is 'fatal', expected one of error"),
    ("verdict of no rule", '[verdicts]\nnope = "info"', "kefulint.toml:2: unknown rule 'nope'"),
    ("verdicts no table", 'verdicts = "info"', "kefulint.toml:1: verdicts is a text, expected a table of rules and verdicts"),
    ("no folder", 'lexicons = ["shop"]', "kefulint.toml:1: 'shop' is no folder, expected one with concepts/"),
    ("channel", 'channel = "mail"', "kefulint.toml:1: channel is 'mail', expected one of chat"),
    ("fail-on", "fail-on = 3", "kefulint.toml:1: fail-on is a number, expected one of error"),
    ("flag", 'strict-suppressions = "yes"', "kefulint.toml:1: strict-suppressions is a text, expected true or false"),
    ("column", '[columns]\nwords = "内容"', "kefulint.toml:2: a field of columns is 'words', expected one of"),
    ("column name", "[columns]\ntext = 7", "kefulint.toml:2: text is a number, expected the name of a column"),
    ("encoding", 'encoding = "klingon"', "kefulint.toml:1: unknown encoding 'klingon', expected a name such as utf-8"),
    ("format", 'read-as = "docx"', "kefulint.toml:1: read-as is 'docx', expected one of csv"),
    ("no match", '\n[[paths]]\nchannel = "chat"', "kefulint.toml:2: a [[paths]] entry has no 'match', expected patterns"),
    ("sets nothing", '[[paths]]\nmatch = ["*"]', "kefulint.toml:1: a [[paths]] entry sets nothing, expected one of"),
    ("misspelled [[paths]]", '\n\n[[path]]\nmatch = ["*"]', "kefulint.toml:3: unknown key 'path' in the configuration"),
    ("top key in paths", '[[paths]]\nmatch = ["*"]\nbaseline = "b"', "kefulint.toml:3: unknown key 'baseline' in [[paths]]"),
    ("second of paths", '[[paths]]\nmatch = ["*"]\nskip = true\n\n[[paths]]\nmatch = ["*"]\nskip = 1', "kefulint.toml:7: skip is a number"),
    ("subtable of paths", '[[paths]]\nmatch = ["*"]\n[paths.verdicts]\nnope = "info"', "kefulint.toml:4: unknown rule 'nope'"),
    ("paths no tables", 'paths = "faq"', "kefulint.toml:1: paths is a text, expected tables [[paths]]"),
    ("skip on top", "skip = true", "kefulint.toml:1: unknown key 'skip' in the configuration"),
    ("extend nothing", 'extend = "none.toml"', "kefulint.toml:1: extend names 'none.toml', which is no file"),
    ("extend itself", 'extend = "kefulint.toml"', "kefulint.toml:1: extend 'kefulint.toml' comes back to this file"),
    ("extend a number", "extend = 1", "kefulint.toml:1: extend is a number, expected the path of another"),
    ("broken", "platforms = [", "kefulint.toml:1: broken TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_has_its_place(text: str, problem: str, repo: Path) -> None:
    write(repo / "kefulint.toml", text)
    write(repo / "a.txt", "您好\n")
    result = run("check", "a.txt")
    assert (result.exit_code, "Traceback" in result.output) == (2, False)
    assert any(line.startswith("kefulint: ") and problem in line for line in result.stderr.splitlines()), result.stderr


def test_everything_wrong_is_said_at_once(repo: Path) -> None:
    write(repo / "kefulint.toml", 'platform = 1\nchannel = "mail"\nignore = ["nope"]\n')
    with pytest.raises(KefulintError) as caught:
        load(repo / "kefulint.toml")
    assert [line.split(": ")[0] for line in caught.value.problems] == [f"kefulint.toml:{n}" for n in (1, 2, 3)]


def test_the_nearest_file_holds_and_nothing_is_merged(repo: Path) -> None:
    write(repo / "kefulint.toml", 'platforms = ["tmall"]\nignore = ["insult"]\n')
    write(repo / "shop/kefulint.toml", 'platforms = ["jd"]\n')
    write(repo / "bot/pyproject.toml", '[tool.kefulint]\nchannel = "listing.title"\n')
    write(repo / "other/pyproject.toml", "[tool.black]\n")
    finder = Finder()
    assert finder.of("a.txt").settings("a.txt").get("platforms") == ("tmall",)
    shop = finder.of("shop/deep/a.txt").settings("shop/deep/a.txt")
    assert (shop.get("platforms"), shop.get("ignore")) == (("jd",), None)
    assert finder.of("bot/a.txt").settings("bot/a.txt").place("channel") == "bot/pyproject.toml:2"
    assert finder.of("other/a.txt").path == repo / "kefulint.toml"
    assert Finder(off=True).of("a.txt").path is None
    assert Finder("shop/kefulint.toml").of("a.txt").settings("a.txt").get("platforms") == ("jd",)


def test_two_files_in_one_folder_are_an_error(repo: Path) -> None:
    write(repo / "kefulint.toml", "")
    write(repo / "pyproject.toml", "[project]\n\n[tool.kefulint]\n")
    with pytest.raises(KefulintError, match=r"pyproject.toml:3: kefulint.toml stands beside"):
        Finder().of("a.txt")


def test_extend_is_explicit_and_the_own_key_wins(repo: Path) -> None:
    base = 'ignore = ["insult"]\nplatforms = ["tmall"]\nexclude = ["shop/old"]\n[verdicts]\nthreat = "info"\ninsult = "info"\n'
    write(repo / "base.toml", base + '[[paths]]\nmatch = ["shop/faq/**"]\nchannel = "listing.detail"\n')
    write(repo / "shop/kefulint.toml", 'extend = "../base.toml"\nplatforms = ["jd"]\n[verdicts]\ninsult = "warning"\n')
    config = Finder().of("shop/faq/a.txt")
    settings = config.settings("shop/faq/a.txt")
    assert (settings.get("platforms"), settings.get("ignore")) == (("jd",), ("insult",))
    assert settings.get("verdicts") == {"threat": "info", "insult": "warning"}
    assert settings.place("channel") == "base.toml:9"
    assert [pattern.covers("shop/old/a.txt") for pattern in config.exclude] == [True]
    assert config.patterns == ()  # the patterns of another file are that file's business


def test_paths_and_options_win_in_this_order(repo: Path) -> None:
    write(
        repo / "kefulint.toml",
        'fail-on = "warning"\n[[paths]]\nmatch = ["faq/**"]\nfail-on = "never"\n[[paths]]\nmatch = ["faq/hard/*"]\nfail-on = "info"\n',
    )
    for path in ("a.txt", "faq/a.txt", "faq/hard/a.txt"):
        write(repo / path, "百分百不掉色\n")
    assert [run("check", p).exit_code for p in ("a.txt", "faq/a.txt", "faq/hard/a.txt")] == [1, 0, 1]
    assert run("check", "a.txt", "--fail-on", "never").exit_code == 0


EFFECTS = [
    ("ignore a rule", 'ignore = ["off-platform-contact"]', {"insult"}),
    ("ignore a group", 'ignore = ["abuse"]', {"off-platform-contact"}),
    ("select a rule", 'select = ["insult"]', {"insult"}),
    ("select a group", 'select = ["off-platform"]', {"off-platform-contact"}),
    ("ignore wins", 'select = ["insult", "off-platform"]\nignore = ["insult"]', {"off-platform-contact"}),
]


@pytest.mark.parametrize(("text", "rules"), [row[1:] for row in EFFECTS], ids=[row[0] for row in EFFECTS])
def test_rules_on_and_off(text: str, rules: set[str], repo: Path) -> None:
    write(repo / "kefulint.toml", text)
    write(repo / "a.txt", "加我微信便宜10块\n你脑子有病\n")
    found = json.loads(run("check", "a.txt", "-f", "json").stdout)["findings"]
    assert {finding["rule"] for finding in found} == rules


def test_the_shops_own_verdict_is_honoured_and_the_old_one_kept(repo: Path) -> None:
    write(repo / "a.txt", "加我微信便宜10块\n")
    write(repo / "kefulint.toml", '[verdicts]\noff-platform-contact = "info"\n')
    result = run("check", "a.txt", "-f", "json")
    finding = json.loads(result.stdout)["findings"][0]
    assert (result.exit_code, finding["verdict"], finding["judged"], finding["verdicts"]["taobao"]) == (
        0,
        "info",
        "error",
        "error",
    )
    assert "判定  本店改为提示（原为错误）" in run("check", "a.txt").stdout
    assert "::notice" in run("check", "a.txt", "-f", "github").stdout
    write(repo / "kefulint.toml", '[verdicts]\noff-platform = "warning"\n')
    assert run("check", "a.txt", "--fail-on", "warning").exit_code == 1 and run("check", "a.txt").exit_code == 0


def test_a_shops_own_rules_are_known_to_its_configuration(repo: Path) -> None:
    rule = (ROOT / "lexicons" / "rules" / "abuse" / "insult.yaml").read_text(encoding="utf-8")
    write(repo / "shop/rules/own/shop-insult.yaml", rule)
    write(
        repo / "shop/rulebooks/own.yaml",
        "platform: taobao\nsources:\n  shop: {name: 本店手册, date: \"2026-01-01\", confidence: official}\n"
        "clauses:\n  shop.polite: {title: 本店规定·礼貌, says: 不骂人。, rules: [shop-insult], sources: [shop]}\n",
    )  # fmt: skip
    write(repo / "kefulint.toml", 'lexicons = ["shop"]\nselect = ["own"]\n')
    write(repo / "a.txt", "你脑子有病\n")
    assert "shop-insult" in run("check", "a.txt").stdout


NOTHING = [
    ("exclude", 'exclude = ["vendor/**"]', "kefulint.toml:1: 'vendor/**' matches nothing"),
    ("match", '[[paths]]\nmatch = ["faq/**", "a.txt"]\nskip = false', "kefulint.toml:2: 'faq/**' matches nothing"),
    ("fields", 'fields = ["answers.*"]', "kefulint.toml:1: the field 'answers.*' is in no file"),
]


@pytest.mark.parametrize(("text", "problem"), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_a_pattern_that_matches_nothing_is_an_error_where_everything_was_read(
    text: str, problem: str, repo: Path
) -> None:
    write(repo / "kefulint.toml", text)
    write(repo / "a.txt", "您好\n")
    write(repo / "b.json", '{"a": "您好，在的"}')
    assert run("check", "a.txt").exit_code == 0
    result = run("check", ".")
    assert result.exit_code == 2 and problem in result.stderr


def test_excluded_and_skipped_files_are_counted(repo: Path) -> None:
    write(repo / "kefulint.toml", 'exclude = ["old"]\n[[paths]]\nmatch = ["*.md"]\nskip = true\n')
    for path in ("old/a.txt", "b.md", "c.txt"):
        write(repo / path, "加我微信便宜10块\n")
    result = run("check", ".")
    assert "检查了 1 条：错误 1" in result.stderr and "按配置跳过 1 个文件" in result.stderr
    named = run("check", "old/a.txt", "b.md")
    assert named.exit_code == 0 and "按配置跳过 2 个文件" in named.stderr


def test_a_file_that_is_named_twice_is_checked_once(repo: Path) -> None:
    write(repo / "in/a.txt", "加我微信便宜10块\n")
    assert "检查了 1 条：错误 1" in run("check", "in", "in/a.txt", "./in/../in/a.txt", ".").stderr


def test_hidden_files_are_not_searched_for(repo: Path) -> None:
    write(repo / ".git/a.txt", "加我微信便宜10块\n")
    write(repo / ".b.yaml", "a: 加我微信便宜10块\n")
    write(repo / "c.txt", "亲，在的\n")
    assert run("check", ".").exit_code == 0


def test_fields_of_a_file(repo: Path) -> None:
    write(repo / "kefulint.toml", '[[paths]]\nmatch = ["*.json"]\nfields = ["faq.answer"]\n')
    write(repo / "a.json", '{"faq": [{"ask": "加我微信便宜10块", "answer": "特价不开票"}]}')
    result = run("check", ".")
    assert "invoice-refused" in result.stdout and "off-platform-contact" not in result.stdout


def test_config_show_names_every_source(repo: Path) -> None:
    write(
        repo / "kefulint.toml",
        'platforms = ["tmall"]\nexclude = ["old"]\n[verdicts]\ninsult = "warning"\n[[paths]]\nmatch = ["faq/**"]\nskip = true\n',
    )
    rows = {
        row["setting"]: row for row in json.loads(run("config", "show", "faq/a.md", "-f", "json").stdout)["settings"]
    }
    assert rows["platforms"] == {"setting": "platforms", "value": "tmall", "place": "kefulint.toml:1"}
    assert (rows["skip"]["value"], rows["skip"]["place"]) == ("true", "kefulint.toml:7")
    assert rows["verdicts.insult"]["place"] == "kefulint.toml:4" and rows["channel"]["place"] == "default"
    text = run("config", "show", "old/a.md").stdout
    assert text.startswith("old/a.md: kefulint.toml\n") and "yes, by old" in text
    assert "no configuration file above it" in run("config", "show", "--no-config").stdout


def test_the_schema_agrees_with_the_reader(repo: Path) -> None:
    from jsonschema import Draft202012Validator

    shown = json.loads(run("config", "schema").stdout)
    assert shown == schema()
    Draft202012Validator.check_schema(shown)
    validator = Draft202012Validator(shown)
    for name, text, _ in WRONG:
        if name in ("broken", "unknown rule", "rule from another world", "verdict of no rule", "no folder", "encoding",
                    "sets nothing", "extend nothing", "extend itself", "subtable of paths"):  # fmt: skip
            continue  # what only the reader can know
        assert list(validator.iter_errors(tomllib.loads(text))), name
    for block in PAGE.split("```toml\n")[1:]:
        data = tomllib.loads(block.split("```")[0])
        assert not list(validator.iter_errors(data.get("tool", {}).get("kefulint", data)))


def test_the_page_has_every_key_as_the_code_has_it() -> None:
    for key in KEYS:
        scope = "top only" if not key.scoped else "`[[paths]]` only" if key.name == "skip" else "both"
        assert f"| `{key.name}` | {scope} | {key.says} |" in PAGE
    assert all(f"`{name}`" in PAGE for name in (*FAIL_ON, *OVERRIDES, "extend", "paths"))


def test_a_check_without_configuration_reads_no_toml(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "您好，在的\n")
    unwanted = (
        "tomllib",
        "tomli",
        "jieba",
        "numpy",
        "xml.etree",
        "linter.sarif",
        "linter.bench",
        "sqlalchemy",
        "polib",
    )
    code = (
        "import sys\nfrom linter.cli import main\n"
        "try: main(['check', 'a.txt'])\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {unwanted!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
