"""TIFF and CZI in random order, by four clients of one worker at once."""

from pathlib import Path

from readers_truth_rig import check_random_reads


def test_random_reads_of_tiffs_are_right(readers_data: Path):
    paths = [*(readers_data / "tiff" / "codecs").glob("*.tif")]
    paths += (readers_data / "imagej").glob("*.tif")
    paths += (readers_data / "ometiff").glob("*.tif*")
    paths += (readers_data / "lsm").glob("*.lsm")
    check_random_reads(sorted(paths))


def test_random_reads_of_czis_are_right(readers_data: Path):
    check_random_reads(sorted((readers_data / "czi").glob("*.czi")))
