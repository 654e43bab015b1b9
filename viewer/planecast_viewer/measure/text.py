"""What was measured as tables for a spreadsheet: columns between tabs, full precision."""

from collections.abc import Iterable, Sequence

from planecast_viewer.measure.choice import Measured, Series

NUMBERS = ("n", "mean", "sd", "min", "max")


def table_of_profiles(measured: Measured) -> str:
    """Return the distance and each channel's values."""
    unit = "px" if measured.pixel_size_um is None else "µm"
    curves = measured.profiles
    rows = ((x, *(curve.y[place] for curve in curves)) for place, x in enumerate(curves[0].x))
    return _table([f"distance ({unit})", *(curve.name for curve in curves)], rows)


def table_of_regions(measured: Measured) -> str:
    """Return one line for each channel."""
    rows = ((name, *numbers) for name, numbers in measured.regions)
    return _table(["channel", *NUMBERS], rows)


def table_of_series(series: Series) -> str:
    """Return one line for each place on the axis, with all numbers of all channels."""
    titles: list[str] = [series.axis]
    titles += [f"{curve.name} {what}" for curve in series.curves for what in NUMBERS]
    n_places = max((len(column) for column in series.numbers), default=0)
    rows = []
    for place in range(n_places):
        row: list[object] = [place]
        for column in series.numbers:
            found = column[place]
            row += [""] * len(NUMBERS) if found is None else list(found)
        rows.append(row)
    return _table(titles, rows)


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["\t".join(titles)]
    lines += ["\t".join(_cell(value) for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
