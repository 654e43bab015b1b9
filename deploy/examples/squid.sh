#!/bin/sh
# Squid as it is, without a change: the agent looks at the folder that Squid saves into.
#
#   pip install 'planecast[watch]'
#   sh squid.sh /data/squid          # then, anywhere: planecast view
#
# An acquisition begins with its first files and ends ten minutes after its last, or with the file
# that Squid writes at the end. For Squid's tab of ndviewer_light see push_controller.py: there
# planes appear at once, and viewers follow clicks on the plate.
set -eu

exec "${PYTHON:-python3}" -m planecast agent \
    --watch "$1" \
    --watch-preset squid-tiff --watch-preset squid-ome-tiff --watch-preset squid-zarr \
    --watch-end-after-idle "${IDLE_S:-600}"
