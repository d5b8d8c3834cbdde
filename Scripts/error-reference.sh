#!/usr/bin/env bash
# Prints docs/ErrorReference.md: every error code with its meaning and its sentences, taken from the sources.
set -euo pipefail
cd "$(dirname "$0")/.."

cat << 'HEADER'
# Error reference

Made by `Scripts/error-reference.sh` from the sources; do not edit.

Every error is a `FerryError`: a code for programs, and a sentence for people that reads
`PLACE › PLACE: what was found; what was expected; what to do`, outermost place (the file) first. The command line
prints the sentence alone and ends with status 65 for a bad input file, 64 for wrong usage, 70 for an internal fault.
Where a sentence depends on the file, `…` stands for what is found there.
HEADER
git ls-files -co --exclude-standard Sources | grep '\.swift$' | LC_ALL=C sort | xargs perl -CS -Mutf8 Scripts/error-sentences.pl
