#!/usr/bin/env bash
# Fails where a generated page is not what its generator makes now; `--update` writes the pages instead.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --update ]; then
    Scripts/error-reference.sh > docs/ErrorReference.md
    exit 0
fi
diff -u docs/ErrorReference.md <(Scripts/error-reference.sh) || {
    echo "docs/ErrorReference.md is stale: run Scripts/check-generated.sh --update" >&2
    exit 1
}
