"""A Markdown extension: equations as MathML, which browsers draw themselves, and citations as links.

    $...$ and $$...$$ (found by pymdownx.arithmatex)   ->   <math>
    doi:10.1126/science.adg9774, arXiv:2010.08895      ->   links to doi.org and arxiv.org

No script, no font and no style sheet is loaded for it. TeX that cannot be read stops the build.
"""

from __future__ import annotations

import html
import re
import unicodedata
import xml.etree.ElementTree as ElementTree

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import Postprocessor

MATHS = re.compile(r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', re.DOTALL)
CITED = r"\b(?:doi:(10\.\d{4,9}/[^\s<>\"`]+)|arXiv:(\d{4}\.\d{4,5}|[a-z-]+/\d{7}))"
SIZED = re.compile(r"\\[bB]igg?[lr]?\s*\\([lr]angle|[{}|])")  # stretched all the same; with a size they stay TeX
LIMITS = re.compile(r"\\arg\s*\\(min|max)")
ALONE = re.compile(r"\\mathrm\{([A-Za-z])\}")  # slanted by the converter; without braces it is not

SPACE = "http://www.w3.org/1998/Math/MathML"
VARIANTS = {
    "bold": "BOLD",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "sans-serif": "SANS-SERIF",
    "script": "SCRIPT",
}
NAMED_SPACES = {"negativethinmathspace": "-0.167em"}
UNDER = ("min", "max", "argmin", "argmax", "lim", "sup", "inf")
OPERATORS = {"⟨": "⟨", "⟩": "⟩", "~": "∼"}  # that come as letters
LETTERS = "∂∇∀∃"  # that come as operators, with air around them
CLOSING = ")]}⟩|‖!"
TIGHT, SIGNS = ("|", "/"), ("−", "+", "±")
THIN = "0.167em"


def mathml(tex: str, *, block: bool) -> str:
    """TeX as a <math> element; `ValueError` for a command that is not known."""
    known = LIMITS.sub(r"\\operatorname{arg\1}", SIZED.sub(r"\\\1", ALONE.sub(r"\\mathrm \1 ", tex)))
    made = convert(known, display="block" if block else "inline")
    if left := re.search(r"\\(?:[A-Za-z]+|.)", made):
        raise ValueError(f"TeX that no browser will show: {left.group()} in {tex}")
    root = ElementTree.fromstring(made.replace(f' xmlns="{SPACE}"', ""))
    for element in list(root.iter()):
        portable(element, block=block)
    return ElementTree.tostring(root, encoding="unicode")


def portable(element: ElementTree.Element, *, block: bool) -> None:
    """The converter writes MathML 3; browsers know MathML Core: no `mathvariant` but "normal", no spaces by name."""
    variant = element.get("mathvariant", "")
    if variant in VARIANTS and element.text:
        element.text = "".join(lettered(one, VARIANTS[variant]) for one in element.text)
        del element.attrib["mathvariant"]
    if element.tag == "mspace" and element.get("width", "") in NAMED_SPACES:
        element.set("width", NAMED_SPACES[element.get("width", "")])
    if element.tag == "mi" and element.text in OPERATORS:
        element.tag, element.text, element.attrib = "mo", OPERATORS[element.text], {"stretchy": "false"}
    elif element.tag == "mo" and element.text and element.text in LETTERS:
        element.tag, element.attrib = "mi", {"mathvariant": "normal"}
    elif element.tag == "mi" and "Α" <= str(element.text) <= "Ω":  # capital Greek stands upright in TeX
        element.set("mathvariant", "normal")
    if element.tag == "msub" and block and element[0].text in UNDER:
        element.tag = "munder"
    joined(element)
    spaced(list(element))


def joined(element: ElementTree.Element) -> None:
    """Upright letters in a row are one word: \\mathrm{ads}."""
    words: list[ElementTree.Element] = []
    for child in list(element):
        if words and upright(child) and upright(words[-1]):
            words[-1].text = f"{words[-1].text}{child.text}"
            element.remove(child)
        else:
            words.append(child)


def spaced(row: list[ElementTree.Element]) -> None:
    """Air around names of functions, none behind a sign that has nothing in front of it."""
    for i, one in enumerate(row):
        before, after = (row[j] if 0 <= j < len(row) else None for j in (i - 1, i + 1))
        if one.tag == "mi" and len(one.text or "") > 1 and str(one.text).isascii() and "mathvariant" not in one.attrib:
            opens = after is None or after.tag == "mspace" or (after.text or "").startswith(("(", "["))
            one.tag, one.attrib = "mo", {"lspace": THIN if i else "0", "rspace": "0" if opens else THIN}
        elif one.tag == "mo" and one.text in TIGHT:
            one.attrib |= {"lspace": "0", "rspace": "0"}
        elif one.tag == "mo" and one.text in SIGNS and before is not None and not ends(before):
            one.set("form", "prefix")


def ends(one: ElementTree.Element) -> bool:
    """Whether something stands there that a sign can be added to."""
    return one.tag != "mspace" and (one.tag != "mo" or not one.text or one.text in CLOSING)


def upright(element: ElementTree.Element) -> bool:
    """A letter that is not slanted."""
    return element.tag == "mi" and element.get("mathvariant") == "normal" and str(element.text).isalpha()


def lettered(letter: str, style: str) -> str:
    """A letter of a mathematical alphabet: x, BOLD -> 𝐱."""
    name = re.sub(r"LATIN |GREEK |LETTER ", "", unicodedata.name(letter, ""))
    for full in (f"MATHEMATICAL {style} {name}", f"{style} {name}"):  # R, L, H, ... were there before the others
        try:
            return unicodedata.lookup(full)
        except KeyError:
            continue
    return letter


def parts(tex: str) -> list[str]:
    """Equations side by side, cut at the wide spaces between them: a narrow screen shows one below the other."""
    found, depth = [""], 0
    for word in re.findall(r"\\(?:[A-Za-z]+|.)|.", tex, re.DOTALL):
        depth += (word in ("{", "\\begin", "\\left")) - (word in ("}", "\\end", "\\right"))
        if word == "\\qquad" and depth == 0:
            found.append("")
        else:
            found[-1] += word
    return [part.strip() for part in found if part.strip()]


class Equations(Postprocessor):
    """Exchanges what arithmatex has found."""

    def run(self, text: str) -> str:
        """The page with its equations as MathML."""
        return MATHS.sub(self._made, text)

    def _made(self, found: re.Match[str]) -> str:
        tex = html.unescape(found[2]).strip()
        if found[1] == "span":
            return mathml(tex, block=False)
        return f'<div class="equation">{"".join(mathml(part, block=True) for part in parts(tex))}</div>'


class Citations(InlineProcessor):
    """A DOI or an arXiv number in the text as a link; full stops and brackets behind it are not part of it."""

    ANCESTOR_EXCLUDES = ("a",)

    def handleMatch(self, found: re.Match[str], data: str):
        """(link, first character, end)"""
        doi, number = found[1], found[2]
        end = found.end()
        if doi:
            doi = trimmed(doi)
            end = found.start(1) + len(doi)
        link = ElementTree.Element("a")
        name = doi.replace("\\", "") if doi else number
        link.set("href", f"https://doi.org/{name}" if doi else f"https://arxiv.org/abs/{number}")
        link.text = f"doi:{name}" if doi else f"arXiv:{number}"
        return link, found.start(), end


def trimmed(doi: str) -> str:
    """Without the punctuation that follows it, and without a bracket that it did not open."""
    while doi[-1] in ".,;:" or (doi[-1] == ")" and doi.count(")") > doi.count("(")):
        doi = doi[:-1]
    return doi


class Notation(Extension):
    """Both of them."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Citations before backslashes are read, equations when all else is done."""
        md.inlinePatterns.register(Citations(CITED, md), "citations", 185)
        md.postprocessors.register(Equations(md), "equations", 1)


def makeExtension(**settings: object) -> Notation:
    """What Markdown calls."""
    return Notation(**settings)
