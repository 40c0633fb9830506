"""Good inputs with mistakes in them."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def mutated(draw, seeds: list[bytes], words: list[bytes]) -> bytes:
    """Make a good input worse: some of it goes, something else comes."""
    data = bytearray(draw(st.sampled_from(seeds)))
    piece = st.sampled_from([b"", *words]) | st.binary(max_size=8)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 30)))
        data[start:end] = draw(piece)
    return bytes(data)


@st.composite
def rearranged(draw, seeds: list[bytes], words: list[bytes]) -> bytes:
    """Make a good text worse: lines go, come again, lose their place or what stands behind `=`."""
    lines = draw(st.sampled_from(seeds)).splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines)))
        other = draw(st.sampled_from([b"", *words]) | st.sampled_from(lines or [b""]))
        before, equals, _ = b"".join(lines[at : at + 1]).partition(b"=")
        new = draw(st.sampled_from([[other], [other, other], [before + equals + other + b"\n"]]))
        lines[at : at + draw(st.integers(0, 1))] = new
    return b"".join(lines)


@st.composite
def ended(draw, seeds: list[bytes], ends: list[bytes]) -> bytes:
    """Put other ends to some lines of a good text."""
    lines = draw(st.sampled_from(seeds)).splitlines()
    odd = draw(st.dictionaries(st.integers(0, len(lines)), st.sampled_from(ends), max_size=3))
    return b"".join(line + odd.get(at, b"\n") for at, line in enumerate([*lines, b""]))


def streams(*requests: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Several requests, one after the other."""
    return st.lists(st.one_of(*requests), max_size=5).map(b"".join)
