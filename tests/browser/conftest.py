"""A real Chromium, and pages in it that are held to asking for nothing and complaining of nothing."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the system's chromium package")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is in the dev extra")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_file(browser):
    """Opens a file in a window of its own and, at the end, holds it to having asked for nothing and complained of nothing."""
    contexts, asked, said, files = [], [], [], set()

    def open_page(path, *, fragment="", before=lambda page: None, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(f"{message.text} {message.location.get('url', '')}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        before(page)
        files.add(path.as_uri())
        page.goto(path.as_uri() + fragment, timeout=120_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and url.partition("#")[0] not in files] == []
    assert said == []


@pytest.fixture
def open_site(browser):
    """Opens a page of a service in a window of its own: `open_site(service, "#/search", tolerate=("status of 401",))`.

    At the end it is held to having asked nobody but the service, and to having complained of nothing but what is tolerated: Chromium
    complains of every answer that is an error, and of every connection that breaks.
    """
    contexts, asked, said, own, tolerated = [], [], [], set(), []

    def open_page(service, fragment="", *, before=lambda page: None, tolerate=(), context=None, **options):
        if context is None:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is slow, not wrong
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(f"{message.text} {message.location.get('url', '')}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        own.add(service.base + "/")
        tolerated.extend(tolerate)
        before(page)
        page.goto(f"{service.base}/{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("data:", "blob:", *own))] == []
    assert [text for text in said if not any(piece in text for piece in tolerated)] == []


CONTRAST = """selectors => {
    const rgb = c => c.match(/[\\d.]+/g).map(Number);
    const light = c => rgb(c).slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = e => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor; if ((rgb(c)[3] ?? 1) === 1) return c; } };
    const found = {};
    for (const s of selectors) {
        const e = [...document.querySelectorAll(s)].find(e => e.getClientRects().length), style = getComputedStyle(e);
        const [a, b] = [light(e.matches("text") ? style.fill : style.color), light(ground(e))].sort((x, y) => y - x);
        found[s] = (a + 0.05) / (b + 0.05);
    }
    return found;
}"""


@pytest.fixture
def contrasts():
    """How much the text of some elements stands out from the ground they are on, as WCAG 2 counts it."""
    return lambda page, *selectors: page.evaluate(CONTRAST, list(selectors))


@pytest.fixture
def barriers():
    """What axe-core finds on a page that would keep somebody from using it: rule and element, of impact serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is in the dev extra").Axe()

    def found(page):
        violations = axe.run(page).response["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in violations
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]

    return found
