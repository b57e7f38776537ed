"""What the review page is made to do to see how long a frame takes: scripts that come to the milliseconds of each of so many frames."""

from __future__ import annotations

SCROLL = """async (frames) => {
    const host = document.querySelector(".rows-host"), spent = [];
    for (let i = 0; i < frames; i += 1) {
        host.scrollTop += 900;
        const begun = performance.now();
        host.dispatchEvent(new Event("scroll"));
        await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
        spent.push(performance.now() - begun);
    }
    return spent;
}"""

ZOOM = """async (frames) => {
    const pane = document.querySelector(".bar-pane"), box = pane.getBoundingClientRect(), spent = [];
    for (let i = 0; i < frames; i += 1) {
        const begun = performance.now();
        const options = { deltaY: i < frames / 2 ? -60 : 60, clientX: box.left + box.width / 3, clientY: box.top + 9, cancelable: true };
        pane.dispatchEvent(new WheelEvent("wheel", options));
        await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
        spent.push(performance.now() - begun);
    }
    return spent;
}"""
