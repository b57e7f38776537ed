"""The documentation is held to the code: generated pages, links, command lines, profiles and programs quoted in it."""

import ast
import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
from markdown_it import MarkdownIt

import videoscan
from docs import make_reference
from videoscan import cli, config, document, registry
from videoscan.folder import REPORT, TIMELINE

ROOT = Path(__file__).parents[1]
READMES = sorted(ROOT.glob("README*.md"))
GENERATED = ROOT / "docs" / "reference"
PAGES = [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.parent != GENERATED]


def called(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=called)
every_written_page = pytest.mark.parametrize("page", WRITTEN, ids=called)


@dataclass(frozen=True)
class Block:
    """A fenced block, with the line it starts at for messages."""

    language: str
    text: str
    line: int


def tokens(page):
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page, *languages):
    fences = [
        Block(token.info.strip(), token.content, token.map[0] + 1)
        for token in tokens(page)
        if token.type == "fence" and token.map
    ]
    return [block for block in fences if block.language in languages]


def inside(page, kind):
    return [child for token in tokens(page) for child in token.children or () if child.type == kind]


def anchors(page):
    """The fragments that GitHub gives to a page's headings."""
    found = tokens(page)
    heads = [after.content for token, after in itertools.pairwise(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


# --- generated pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(make_reference.pages()))
def test_a_generated_page_says_what_the_code_says(name):
    assert (GENERATED / name).read_text(encoding="utf-8") == make_reference.pages()[name], "run: make docs"


def test_the_reference_holds_nothing_but_generated_pages():
    assert {path.name for path in GENERATED.iterdir()} == set(make_reference.pages())


def test_every_key_of_a_profile_and_every_field_of_a_timeline_has_a_meaning():
    models = [config.SourceOptions, config.WindowOptions, config.PromptOptions, config.Profile]
    for group in ("sources", "samplers", "dedups", "describers", "exporters"):
        models += [registry.factory(group, kind).Options for kind in registry.names(group)]
    models += [
        model
        for model in vars(document).values()
        if isinstance(model, type) and issubclass(model, document.Document) and model is not document.Document
    ]
    silent = [
        f"{model.__qualname__}.{name}" for model in models for name, field in model.model_fields.items() if not field.description
    ]
    assert not silent, f"without a docstring: {silent}"


# --- links and pictures -------------------------------------------------------------------------------------------------------


@every_page
def test_every_relative_link_leads_somewhere(page):
    targets = [link.attrs["href"] for link in inside(page, "link_open")] + [image.attrs["src"] for image in inside(page, "image")]
    for target in targets:
        parts = urlsplit(str(target))
        if parts.scheme:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        assert file.exists(), f"{target} leads nowhere"
        assert file.is_relative_to(ROOT), f"{target} leads out of the project"
        if parts.fragment:
            assert unquote(parts.fragment) in anchors(file), f"{target}: no such heading"


def test_every_page_can_be_reached_from_the_index():
    reached, ahead = set(), [ROOT / "docs" / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in inside(page, "link_open"):
            parts = urlsplit(str(link.attrs["href"]))
            if not parts.scheme and parts.path:
                ahead.append((page.parent / unquote(parts.path)).resolve())
    lost = [called(page) for page in PAGES if page not in reached and page.is_relative_to(ROOT / "docs")]
    assert not lost, f"nothing leads from docs/README.md to {lost}"


def test_pictures_are_small():
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert all(size < 400_000 for size in sizes.values()), sizes
    assert sum(sizes.values()) < 1_000_000, sizes


# --- commands -----------------------------------------------------------------------------------------------------------------

_OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2"}


def command_lines(page):
    """What stands in shell blocks, one command each, as words; continued lines are joined."""
    for block in blocks(page, "sh", "powershell", "console"):
        text = block.text.replace("\\\n", " ").replace("`\n", " ")
        for line in text.splitlines():
            prompt_less = re.sub(r"^(\$|>|PS>) ", "", line.strip())
            if block.language == "console" and prompt_less == line.strip():
                continue  # what the command printed
            words = shlex.shlex(prompt_less, posix=True, punctuation_chars="|&;<>")
            words.whitespace_split = True
            yield from _simple(list(words))


def _simple(words):
    one = []
    for word in [*words, ";"]:
        if word in _OPERATORS or set(word) <= set("|&;<>"):
            while one and re.fullmatch(r"[A-Z_]+=.*", one[0]):
                one.pop(0)
            if one and one[0] == "videoscan":
                yield one[1:]
            one = []
        else:
            one.append(word)


def parsed(words):
    """The context that click makes of a command line. Fails the test where click would refuse it."""
    try:
        with cli.videoscan.make_context("videoscan", list(words)) as context:
            inner = context
            command, rest = cli.videoscan, [*context._protected_args, *context.args]
            while isinstance(command, click.Group) and rest:
                name, found, rest = command.resolve_command(inner, rest)
                inner = found.make_context(name, rest, parent=inner)
                command, rest = found, [*inner._protected_args, *inner.args]
            return inner
    except click.exceptions.Exit:
        return None  # --help, --version
    except click.ClickException as error:
        pytest.fail(f"videoscan {shlex.join(words)}: {error.format_message()}")


@every_page
def test_every_command_line_is_one_that_the_program_takes(page):
    for words in command_lines(page):
        context = parsed(words)
        if context is not None and "sets" in context.params:
            asked = {f"describer.{name}": context.params.get(name) for name in ("endpoint", "model", "model_file", "projector")}
            profile = context.params.get("profile", "default")
            registry.check(
                "default" if profile.endswith(".toml") else profile, sets=context.params["sets"], overrides=asked, environ={}
            )


@every_page
def test_every_command_named_in_a_sentence_exists(page):
    for code in inside(page, "code_inline"):
        if not code.content.startswith("videoscan "):
            continue
        words = shlex.split(code.content)[1:]
        command, context = cli.videoscan, click.Context(cli.videoscan)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            assert found is not None, f"`{code.content}`: no such command"
            command, words = found, words[1:]
        known = {name for parameter in command.get_params(context) for name in parameter.opts}
        assert not {word for word in words if word.startswith("-")} - known - {"-h", "--help"}, (
            f"`{code.content}`: no such option"
        )


# --- profiles and programs ----------------------------------------------------------------------------------------------------


@every_written_page
def test_every_profile_shown_is_one_that_can_be_used(page):
    for block in blocks(page, "toml"):
        table = tomllib.loads(block.text)
        if "project" not in table:
            registry.check(table, environ={})


@every_written_page
def test_every_program_shown_is_python_and_uses_what_there_is(page):
    for block in blocks(page, "python"):
        tree = compile(block.text, f"{called(page)}:{block.line}", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "videoscan":
                assert hasattr(videoscan, node.attr), f"{called(page)}:{block.line}: videoscan.{node.attr} does not exist"


@pytest.mark.slow
def test_every_program_of_the_library_page_runs(tmp_path):
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    printed = ""
    for block in blocks(ROOT / "docs" / "how-to" / "library.md", "python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block.text],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"line {block.line}: {done.stderr}"
        printed += done.stdout
    assert "True" in printed, "the scan of the page is complete"
    assert "no-such-file.mp4" in printed, "the error of the page is the one that it says"


# --- what must not stand there ------------------------------------------------------------------------------------------------

# Hosts that the documentation may name: this machine, names that belong to nobody, and the public services that it has pages about.
_HOSTS = {"127.0.0.1", "localhost", "host", "models.example"}
_HOSTS |= {"api.openai.com", "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"}
_MACHINE = re.compile(r"(?<![\w.~-])/(?:work|root|home|tmp|mnt|opt|Users)/|\.\./shared|--(?:extra-)?index-url")


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((ROOT / "changes").glob("*.md")), *sorted(ROOT.glob("CHANGELOG.md"))], ids=called
)
def test_no_page_names_a_strangers_host_or_a_path_of_somebodys_machine(page):
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        assert not _MACHINE.search(line), f"line {number}: {line}"
        hosts = {urlsplit(address).hostname for address in re.findall(r"https?://[^\s`\"')>|\]，。]+", line)}
        assert hosts <= _HOSTS, f"line {number}: {hosts - _HOSTS}"


def test_the_names_of_output_files_are_the_real_ones():
    for page in READMES:
        text = page.read_text(encoding="utf-8")
        assert TIMELINE in text
        assert REPORT in text
