"""The pytest plugin of hookframe: the fixture `chain`, whose imports wait for its first use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hookframe.testing import ChainFactory, PolicyUnderTest


@pytest.fixture
def chain() -> Iterator[ChainFactory]:
    """Make chains of hookframe's plugins: `chain(*members, settings=…)`, see hookframe.testing."""
    from hookframe.testing import open_chain  # noqa: PLC0415  (where it is used)

    with ExitStack() as stack:

        def opened(*members: object, **options: Any) -> PolicyUnderTest:
            return stack.enter_context(open_chain(*members, **options))

        yield opened
