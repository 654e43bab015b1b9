"""Whether a folder lies on another machine, where the kernel tells nobody of new files."""

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORK = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ceph", "glusterfs",
     "lustre", "beegfs", "gpfs", "9p", "vboxsf", "vmhgfs", "virtiofs", "prl_fs", "davfs", "ncpfs"}
)  # fmt: skip


def network_kind(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the kind of share that `folder` lies on, such as `nfs4`; `None` if on a disk.

    Everything of FUSE counts as a share (sshfs, gvfs …): it tells of its own changes only.
    """
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    best, kind = -1, None
    target = folder.resolve()
    for line in lines:
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        place = Path(parts[1].replace("\\040", " ").replace("\\011", "\t"))
        # The last mount of a place hides the earlier ones.
        if target.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), parts[2]
    if kind is None:
        return None
    is_share = kind in NETWORK or kind == "fuse" or kind.startswith("fuse.")
    return kind if is_share else None
