"""Objectives: the words for immersion, and what a name such as `EC Plan 20x/0.5 W` tells."""

import re

from planecast_protocol.metadata import Objective

_IMMERSIONS = {
    "air": "air", "dry": "air", "oil": "oil", "water": "water", "waterdipping": "water",
    "waterdip": "water", "wdipping": "water", "w": "water", "glycerol": "glycerol",
    "glycerine": "glycerol", "glyc": "glycerol", "silicone": "silicone", "silicon": "silicone",
    "siliconeoil": "silicone", "multi": "multi",
}  # fmt: skip
_NAME = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*x\s*/\s*(\d[.,]\d+)\s*(oil|w\b|dry|glyc\w*)?", re.IGNORECASE
)


def immersion_word(text: str | None) -> str | None:
    """Return our word for a vendor's; the vendor's own if we have none."""
    plain = (text or "").strip()
    return _IMMERSIONS.get(plain.lower().replace(" ", "").replace("-", ""), plain or None)


def objective_of_name(name: str | None) -> Objective | None:
    """Return the objective that a name describes, its figures as far as the name has them."""
    plain = (name or "").strip()
    if not plain:
        return None
    found = _NAME.search(plain)
    if found is None:
        return Objective(name=plain)
    magnification, aperture = (float(found[n].replace(",", ".")) for n in (1, 2))
    return Objective(
        name=plain,
        magnification=magnification,
        numerical_aperture=aperture,
        immersion=immersion_word(found[3]),
    )
