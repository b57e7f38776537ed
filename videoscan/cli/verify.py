"""``videoscan verify``: checks evidence bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import options, output
from videoscan.errors import SourceError, SourceUnsupported

if TYPE_CHECKING:
    from videoscan.evidence.verifying import Verdict


@click.command
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option(
    "--key",
    type=click.Path(dir_okay=False),
    metavar="PUBLIC.pem",
    help="The public key that must have signed it, got from its signer.",
)
@click.option(
    "--footage", multiple=True, metavar="FILE", help="A file that must be, to the byte, one that it is about. Repeatable."
)
@options.json_lines
def command(*, bundles: tuple[str, ...], key: str | None, footage: tuple[str, ...], as_json: bool) -> int:
    """Check evidence bundles that `export --to evidence` wrote.

    Every file is held against the manifest, the manifest against its signature, and what the events rest on must be there. Nothing
    is unpacked. The exit code is 0 when all is well, 3 when a bundle cannot be read or trusted, 6 when that is so of some of several.
    """
    from videoscan.evidence.verifying import verify

    errors: list[SourceError] = []
    for bundle in bundles:
        try:
            verdict = verify(bundle, key=key, footage=footage)
        except SourceError as fault:
            errors.append(fault)
            output.complain(fault, about=bundle)
            if as_json:
                output.put_json({"bundle": bundle, "sound": False, "error": output.error_record(fault)})
            continue
        if not verdict.sound:
            errors.append(SourceUnsupported(f"{bundle} cannot be trusted"))
        if as_json:
            output.put_json(_record(bundle, verdict))
        else:
            _put(bundle, verdict)
    if as_json and len(bundles) > 1:
        output.put_json({"total": {"bundles": len(bundles), "sound": len(bundles) - len(errors)}})
    if not errors:
        return 0
    return output.GAPS if len(errors) < len(bundles) else output.code_of(errors[0])


def _put(bundle: str, verdict: Verdict) -> None:
    from videoscan.cli.tables import plain

    word = "sound" if verdict.sound else "NOT TO BE TRUSTED"
    output.put(f"{bundle}: {word}, {verdict.files} files, {verdict.bytes / 1e6:.1f} MB")
    for fault in verdict.faults:
        output.put(f"  wrong: {plain(fault)}")
    made = verdict.bundle
    if made is not None:
        events = sum(len(about.events) for about in made.timelines)
        output.put(f"  made {plain(made.created)} by videoscan {plain(made.versions.get('videoscan', '?'))}: {events} events")
    if verdict.signer is not None:
        output.put(f"  signed by {verdict.signer}{', the key that was given' if verdict.vouched else ''}")
    for note in verdict.notes:
        output.put(f"  note: {plain(note)}")


def _record(bundle: str, verdict: Verdict) -> dict[str, Any]:
    made = verdict.bundle
    return {
        "bundle": bundle,
        "sound": verdict.sound,
        "files": verdict.files,
        "bytes": verdict.bytes,
        "created": made.created if made is not None else None,
        "timelines": len(made.timelines) if made is not None else None,
        "signer": verdict.signer,
        "vouched": verdict.vouched,
        "faults": verdict.faults,
        "notes": verdict.notes,
        "missing": made.missing if made is not None else None,
    }
