"""Who follows an acquisition: the viewer's link, scripts that join, the command line.

`subscription` is the cursor, `follower` the thread and its sockets, `plane_index` what is known
so far, in columns (it needs numpy), and `join` all of it for scripts.
"""
