"""Names on the wire that would lead out of the root."""

from collections.abc import Callable

from attack_site import Site


def _escaped(site: Site) -> str:
    return str(site.secret).replace("/", r"\xaf")


NAMES: dict[str, Callable[[Site], str]] = {
    "parent": lambda _: "data:../out/secret.tif",
    "parent in the middle": lambda _: "data:sub/../../out/secret.tif",
    "many parents": lambda _: "data:" + "../" * 40 + "etc/passwd",
    "parent at the end": lambda _: "data:sub/..",
    "the root by a dot": lambda _: "data:.",
    "absolute": lambda site: f"data:{site.secret}",
    "absolute behind a name": lambda site: f"data:sub/{site.secret}",
    "two slashes": lambda site: f"data:/{site.secret}",
    "a slash at the end": lambda _: "data:../out/",
    "no alias": lambda site: str(site.secret),
    "empty alias": lambda site: f":{site.secret}",
    "unknown alias": lambda site: f"etc:{site.secret}",
    "the alias of private workers": lambda site: f"local:{str(site.secret)[1:]}",
    "alias in another case": lambda _: "DATA:good.tif",
    "alias with a space": lambda _: "data :good.tif",
    "alias of the parent": lambda _: "..:out/secret.tif",
    "two aliases": lambda site: f"data:local:{str(site.secret)[1:]}",
    "alias twice": lambda _: "data:data:../out/secret.tif",
    "a URL": lambda site: f"file://{site.secret}",
    "a URL behind the alias": lambda site: f"data:file://{site.secret}",
    "a URL of an object store": lambda _: "data:s3://bucket/secret.zarr",
    "NUL behind a good name": lambda _: "data:good.tif\0../../out/secret.tif",
    "NUL alone": lambda _: "data:\0",
    "backslashes": lambda _: "data:..\\out\\secret.tif",
    "drive": lambda _: "data:C:/Windows/win.ini",
    "drive without a slash": lambda _: "data:C:secret.tif",
    "UNC": lambda _: "data://host/share/secret.tif",
    "UNC with backslashes": lambda _: "data:\\\\host\\share\\secret.tif",
    "device namespace": lambda _: "data:\\\\?\\C:\\secret.tif",
    "trailing dots": lambda _: "data:.../out/secret.tif",
    "trailing space": lambda _: "data:.. /out/secret.tif",
    "leading space": lambda _: "data: ../out/secret.tif",
    "full-width dots": lambda _: "data:\uff0e\uff0e/out/secret.tif",
    "full-width slash": lambda _: "data:..\uff0fout\uff0fsecret.tif",
    "one-dot leaders": lambda _: "data:\u2024\u2024/out/secret.tif",
    "division slash": lambda _: "data:..\u2215out\u2215secret.tif",
    "per cent": lambda _: "data:%2e%2e/out/secret.tif",
    "escaped dots": lambda _: r"data:\x2e\x2e/out/secret.tif",
    "escaped slash": lambda _: r"data:..\x2fout\x2fsecret.tif",
    "overlong dots": lambda _: r"data:\xc0\xae\xc0\xae/out/secret.tif",
    "overlong slash": lambda _: r"data:..\xc0\xafout\xc0\xafsecret.tif",
    "high bytes": _escaped,
    "right-to-left override": lambda _: "data:\u202e../out/secret.tif",
    "variables": lambda _: "data:$HOME/secret.tif",
    "tilde": lambda _: "data:~root/.bashrc",
    "wildcards": lambda _: "data:../*/secret.tif",
    "very long": lambda _: "data:" + "a/" * 600 + "good.tif",
    "name of the twin": lambda _: "data:-twin/secret.tif",
}
