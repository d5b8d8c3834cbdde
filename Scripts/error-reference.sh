#!/usr/bin/env bash
# Prints docs/ErrorReference.md: every error code with its meaning, taken from the sources.
set -euo pipefail
cd "$(dirname "$0")/.."

cat << 'HEADER'
# Error reference

Made by `Scripts/error-reference.sh` from the sources; do not edit.

Every error is a `FerryError`: a code for programs, and a sentence for people that reads
`PLACE › PLACE: what was found; what was expected; what to do`, outermost place (the file) first. The command line
prints the sentence alone and ends with status 65 for a bad input file, 64 for wrong usage, 70 for an internal fault.

| code | meaning |
|---|---|
HEADER
grep -rhB1 --include='*.swift' -E 'public static let [a-zA-Z]+ = Self\("' Sources \
    | awk '/\/\/\// { sub(/^ *\/\/\/ /, ""); meaning = $0 } /static let/ { match($0, /Self\("[^"]+/); print "| `" substr($0, RSTART + 6, RLENGTH - 6) "` | " meaning " |" }' \
    | LC_ALL=C sort -u
