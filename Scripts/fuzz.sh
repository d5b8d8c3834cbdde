#!/usr/bin/env bash
# Runs libFuzzer on one reader, starting from the fixtures: Scripts/fuzz.sh TARGET SECONDS
# What breaks the reader is left as crash-*, slow-unit-* or oom-* in .build-fuzz/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
seconds=$2
endings=$(sed -n "s/.*name: \"$target\", endings: \[\([^]]*\)\].*/\1/p" Tests/fuzz/FuzzTarget.swift | tr -d '",')
[ -n "$endings" ] || { echo "fuzz: no target '$target'; see Tests/fuzz/FuzzTarget.swift" >&2; exit 64; }

FERRY_FUZZ_BUILD=1 swift build --configuration release --sanitize fuzzer --scratch-path .build-fuzz --product ferry-fuzz
folder=.build-fuzz/$target
mkdir -p "$folder/corpus"
for ending in $endings; do
    find fixtures -name "*$ending" -size -64k | while read -r file; do
        cp -n "$file" "$folder/corpus/$(echo "$file" | tr / _)"
    done
done
cd "$folder"
FERRY_FUZZ=$target ../release/ferry-fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 corpus
