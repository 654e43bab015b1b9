"""The values of state and commands: what JSON has, typed and bounded."""

from typing import Annotated

import msgspec

from planecast_protocol.limits import MAX_NAME_CHARS, MAX_STATE_VALUE_BYTES, MAX_VALUE_ITEMS

_LARGEST = 1.7976931348623157e308

Finite = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
"""Neither infinite nor NaN: what is not known is `None`."""
Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
String = Annotated[str, msgspec.Meta(max_length=MAX_STATE_VALUE_BYTES)]
Scalar = bool | Integer | Finite | String | None
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]
Value = (
    bool
    | Integer
    | Finite
    | String
    | Annotated[list[Scalar], msgspec.Meta(max_length=MAX_VALUE_ITEMS)]
    | Annotated[dict[Key, Scalar], msgspec.Meta(max_length=MAX_VALUE_ITEMS)]
    | None
)
"""A scalar, a short list of scalars, or a short flat map of them."""
