"""The page's files: what they may load, in which languages they speak, how a browser keeps them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
import re
from pathlib import Path

import pytest
from serving import API, serving

import videoscan.web
from videoscan.web import pages

STATIC = Path(videoscan.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("js/**/*.js"))
ROW = re.compile(r'^  "(?P<key>[a-z0-9_.-]+)": \[(?P<en>"(?:[^"\\]|\\.)*"), (?P<zh>"(?:[^"\\]|\\.)*")\],$')
CALL = re.compile(r"""\bt\(\s*(?:"(?P<key>[^"]+)"|`(?P<pattern>[^`]+)`)""")


def rows():
    return [
        (path.name, line)
        for path in sorted((STATIC / "js/texts").glob("*.js"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith('  "')
    ]


def test_every_text_is_there_in_both_languages_and_once():
    keys = []
    for name, line in rows():
        found = ROW.match(line)
        assert found, f"{name}: {line}"
        keys.append(found["key"])
        english, chinese = found["en"][1:-1], found["zh"][1:-1]
        assert english.strip()
        assert chinese.strip()
        holes = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in (english, chinese)]
        assert holes[0] == holes[1], f"{found['key']}: both languages fill in the same values"
    assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)
    assert len(keys) > 40


def test_every_text_that_is_asked_for_exists():
    keys = {ROW.match(line)["key"] for _, line in rows()}
    asked = 0
    for path in SCRIPTS:
        for found in CALL.finditer(path.read_text(encoding="utf-8")):
            asked += 1
            if found["key"]:
                assert found["key"] in keys, f"{path.name} asks for {found['key']}"
            else:
                pattern = re.compile("[a-z0-9_.-]+".join(map(re.escape, re.split(r"\$\{[^}]*\}", found["pattern"]))))
                assert any(pattern.fullmatch(key) for key in keys), f"{path.name} asks for {found['pattern']}"
    assert asked > 20


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_never_parses_markup_and_names_no_other_host(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|DOMParser", text)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)\w[^\s\"'`]*", text)
    assert len(text.splitlines()) <= 600


def test_the_index_holds_neither_script_nor_style_of_its_own():
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script(?![^>]*\bsrc=)", text)
    for place in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert (STATIC / place.removeprefix("/static/")).is_file(), place


def run(tmp_path, *paths, **headers):
    async def work():
        async with serving(tmp_path / "data") as served:
            told = []
            for path in paths:
                async with served.session.get(served.base + path, headers=headers) as answer:
                    told.append((answer.status, answer.headers.copy(), await answer.read()))
            return told

    return asyncio.run(work())


def test_the_page_is_served_with_a_policy_that_allows_nothing_unsafe(tmp_path):
    site = pages.Site()
    answers = run(tmp_path, "/", f"/static/{site.digest}/js/app.js", "/static/css/base.css", "/static/icon.svg")
    kinds = [
        "text/html; charset=utf-8",
        "text/javascript; charset=utf-8",
        "text/css; charset=utf-8",
        "image/svg+xml; charset=utf-8",
    ]
    assert [status for status, _, _ in answers] == [200] * 4
    assert [headers["Content-Type"] for _, headers, _ in answers] == kinds
    for _, headers, _ in answers:
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert f'src="/static/{site.digest}/js/app.js"'.encode() in answers[0][2]


def test_what_has_an_address_of_its_version_is_kept_and_the_rest_is_asked_for_again(tmp_path):
    site = pages.Site()
    forever, plain, page = run(tmp_path, f"/static/{site.digest}/js/app.js", "/static/js/app.js", "/")
    assert "immutable" in forever[1]["Cache-Control"]
    assert plain[1]["Cache-Control"] == "no-cache"
    assert page[1]["Cache-Control"] == "no-store", "it holds who asks for it"
    assert forever[2] == plain[2] == (STATIC / "js/app.js").read_bytes()
    [(status, _, body)] = run(tmp_path, "/static/js/app.js", **{"If-None-Match": plain[1]["ETag"]})
    assert (status, body) == (304, b"")


def test_the_page_names_what_each_screen_is_made_of_so_that_it_comes_at_once():
    text = pages.Site().files[pages.INDEX].body.decode()
    told = json.loads(html.unescape(re.search('name="videoscan-modules" content="([^"]+)"', text)[1]))
    frame, screens = told["frame"], told["screens"]
    known = re.findall(r'name: "(\w+)", way', (STATIC / "js/app.js").read_text(encoding="utf-8"))
    assert sorted(screens) == sorted(known)
    for name, more in screens.items():
        named = [*frame, *more]
        assert named[0] == "js/app.js"
        assert f"js/screens/{name}.js" in named
        assert len(named) == len(set(named))
        for each in named:
            for other in re.findall(
                r'^(?:import|export).* from "(\.[^"]+)";', (STATIC / each).read_text(encoding="utf-8"), re.MULTILINE
            ):
                assert (STATIC / each).parent.joinpath(other).resolve().relative_to(STATIC.resolve()).as_posix() in named
    assert "js/review/paint.js" in screens["job"]
    assert not {"js/screens/jobs.js", "js/review/ask.js", "js/uploads.js"} & {*frame, *screens["job"]}


def test_the_page_is_sent_with_its_first_script_and_one_style_sheet(tmp_path):
    site = pages.Site()
    page, sheet = run(tmp_path, "/", f"/static/{site.digest}/css/all.css")
    text = page[2].decode()
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in page[1]["Content-Security-Policy"], "this one and no other"
    assert re.findall('rel="stylesheet" href="([^"]+)"', text) == [f"/static/{site.digest}/css/all.css"]
    for each in (STATIC / "css").glob("*.css"):
        assert each.read_bytes() in sheet[2]


def test_the_page_tells_its_script_who_is_asking(tmp_path):
    async def work():
        async with serving(tmp_path / "data", open_to_all=False) as served:
            key, text = await served.service.store.add_key('Ada "<b>', ["read"])
            told = []
            for headers in ({}, {"Authorization": f"Bearer {text}"}):
                async with served.session.get(served.base, headers=headers) as answer:
                    told.append(re.search('name="videoscan-me" content="([^"]+)"', await answer.text())[1])
            return key, told

    key, told = asyncio.run(work())
    assert "<b>" not in told[1]
    assert json.loads(html.unescape(told[0])) == {"open": False, "name": None, "scopes": []}
    assert json.loads(html.unescape(told[1])) == {"open": False, "name": key.name, "scopes": ["read"]}


def test_a_timeline_that_is_not_there_yet_is_no_fault_for_whoever_asks_early(tmp_path):
    async def work():
        async with serving(tmp_path / "data", roots=(tmp_path.resolve(),), at_once=0) as served:
            (tmp_path / "a.mp4").write_bytes(b"waits")
            job = (await served.submit("a.mp4"))["id"]
            for each in (job, "0" * 24):
                await served.call("GET", f"{API}/jobs/{each}/timeline", 404)
                assert await served.call("GET", f"{API}/jobs/{each}/timeline?if_any=true", 204) == b""

    asyncio.run(work())


def test_nothing_else_is_served(tmp_path):
    paths = ["/static/", "/static/nothing.js", "/static/../app.py", "/static/%2e%2e/app.py", "/static/index.html"]
    assert [status for status, _, _ in run(tmp_path, *paths)] == [404] * 5
