"""Writes what the chart makes of its sets of values into a directory, for tools that read files."""

import sys
from pathlib import Path

from rendering import at, merged, render, values_of

# `full` and `original` have containers and tags of the user's, which are not ours to judge.
NAMES = ["default", "gateway", "minimal", "network-policy", "no-keda", "redis-tls", "scale-to-zero", "secured"]
TUNNEL = at("cloudflare", {"enabled": True, "tunnelToken": {"existingSecret": "tunnel"}})

if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        release = render(merged(values_of(name), TUNNEL))
        (directory / f"{name}.yaml").write_text("\n---\n".join(release.files.values()))
