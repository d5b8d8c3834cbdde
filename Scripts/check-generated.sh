#!/usr/bin/env bash
# Fails where a generated page lacks an error code that the sources have; with `--strict`, where it differs at all from
# what its generator makes now. `--update` writes the page instead.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    --update)
        Scripts/error-reference.sh > docs/ErrorReference.md
        exit 0
        ;;
    --strict) filter='' ;;
    *) filter='^## ' ;;
esac
diff -u <(grep "$filter" docs/ErrorReference.md) <(Scripts/error-reference.sh | grep "$filter") || {
    echo "docs/ErrorReference.md is stale: run Scripts/check-generated.sh --update" >&2
    exit 1
}
