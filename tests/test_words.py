"""Each thing has one name: staff pages, public pages and documentation keep to the glossary.

`docs/reference/glossary.md` says which word is whose.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
HISTORY = {ROOT / "CHANGELOG.md"}
RECORDED = {ROOT / "docs" / "reference" / "exam.md"}  # written from a recorded run
DOCS = sorted(
    {*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("app/*/README.md")}
)
PROSE = [path for path in DOCS if path not in {GLOSSARY} | HISTORY | RECORDED]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STAFF = sorted((ROOT / "templates" / "admin").glob("*.html"))
PUBLIC = sorted({*(ROOT / "templates" / "public").glob("*.html"), *(ROOT / "templates" / "errors").glob("*.html")})
SPEAKING = [path for room in ("forms", "pages", "reading", "refusals", "reports", "review")
            for path in sorted((ROOT / "app" / room).glob("*.py"))]  # fmt: skip
STAFF_SPEAKING = [ROOT / "app" / "pages" / f"{name}.py" for name in ("admin", "admin_image", "system")]

PROBABILITY_AS_WEIGHT = re.compile(r"\b(out)?weigh(s|ed|ing|t)?\b", re.IGNORECASE)
WEIGHT_KEYS = {"weighed", "ix_image_weight"}  # a step of the waiting page in JSON, an index of the database
NOVELTY = re.compile(r"(?<![`\"'_\w])novel(ty)?(?![`\"'_\w])", re.IGNORECASE)
PICTURE = re.compile(r"(?<!read a )\bpictures?\b", re.IGNORECASE)
OUTLINE = re.compile(r"\boutlin(e|es|ed)\b", re.IGNORECASE)
VERDICTS = re.compile(
    r"\byou (do not |don't |may |might )?have (?!symptoms|sent\b)|cancer (was )?detected|\ball clear\b|\bdiagnos",
    re.IGNORECASE,
)
PLAINLY_ELSEWHERE = re.compile(
    r"\b(contour|class probabilit(y|ies)|operating point|out[- ]of[- ]distribution|conformal|logits?|malignant "
    r"probability)\b",
    re.IGNORECASE,
)
TERMS = {
    "study", "image", "frame", "spacing", "mask", "contour", "class probability", "heat map",
    "out-of-distribution score", "conformal set", "descriptor", "calibration", "operating point", "sensitivity",
    "specificity", "receiver operating characteristic (ROC)", "Dice", "Jaccard (IoU)", "fold", "left-out hospital",
}  # fmt: skip


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def shown(path: Path) -> str:
    """What a template writes: no comments, tags, expressions or commands."""
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", text_of(path), flags=re.DOTALL)


def prose(path: Path) -> str:
    """A page without its code and addresses."""
    return re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", " ", text_of(path), flags=re.DOTALL)


def sentences(path: Path) -> Iterator[str]:
    """Texts that a module may show: its strings, docstrings left out."""
    tree = ast.parse(text_of(path))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    described = {id(node.body[0].value) for node in ast.walk(tree)
                 if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_page_calls_a_probability_a_weight(path: Path) -> None:
    assert not PROBABILITY_AS_WEIGHT.search(shown(path))
    assert not NOVELTY.search(shown(path))


@pytest.mark.parametrize("path", SPEAKING, ids=name)
def test_no_sentence_calls_a_probability_a_weight(path: Path) -> None:
    assert not [text for text in sentences(path) if PROBABILITY_AS_WEIGHT.search(text) and text not in WEIGHT_KEYS]


@pytest.mark.parametrize("path", PROSE, ids=name)
def test_documentation_speaks_of_weights_only_as_those_of_a_network(path: Path) -> None:
    assert not PROBABILITY_AS_WEIGHT.search(prose(path))
    assert not NOVELTY.search(prose(path))


@pytest.mark.parametrize("path", STAFF, ids=name)
def test_staff_pages_say_image_mask_and_contour(path: Path) -> None:
    assert not OUTLINE.search(shown(path))
    assert not PICTURE.search(shown(path))


@pytest.mark.parametrize("path", STAFF_SPEAKING, ids=name)
def test_sentences_for_staff_say_mask_and_contour(path: Path) -> None:
    assert not [text for text in sentences(path) if OUTLINE.search(text) and text != "outline"]


@pytest.mark.parametrize("path", PUBLIC, ids=name)
def test_public_pages_use_plain_words(path: Path) -> None:
    assert not PLAINLY_ELSEWHERE.search(shown(path))


@pytest.mark.parametrize("path", [*PUBLIC, *SPEAKING], ids=name)
def test_nothing_that_people_read_sounds_like_a_verdict(path: Path) -> None:
    texts = [shown(path)] if path.suffix == ".html" else list(sentences(path))
    assert not [text for text in texts if VERDICTS.search(text)]


def test_the_glossary_names_each_term_once_and_is_linked() -> None:
    found = re.findall(r"^\| ([^|]+?) \| [^|]+ \| [^|]+ \|$", text_of(GLOSSARY), re.MULTILINE)
    terms = [term for term in found if term not in ("term", "---")]
    assert len(terms) == len(set(terms))
    assert set(terms) >= TERMS
    assert "reference/glossary.md" in text_of(ROOT / "docs" / "README.md")


@pytest.mark.parametrize(
    ("pattern", "said", "meant"),
    [
        (PROBABILITY_AS_WEIGHT, "The weight on malignant", "Network weights, weighted by class"),
        (NOVELTY, "the novelty limit", "the key `novelty`"),
        (VERDICTS, "You have a lump", "Go sooner when you have symptoms"),
        (PLAINLY_ELSEWHERE, "Its contour", "Its outline"),
        (OUTLINE, "the outline", "the contour"),
    ],
)
def test_the_patterns_tell_wrong_from_right(pattern: re.Pattern[str], said: str, meant: str) -> None:
    assert pattern.search(said)
    assert not pattern.search(meant)
