#!/usr/bin/env bash
# Makes Sources/CONNX's C from Sources/CONNX/onnx.proto. The result is committed: only a new schema needs this.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../Sources/CONNX"

fail() { echo "generate-onnx: $*" >&2; exit 1; }

command -v protoc-c >/dev/null || fail "protoc-c was not found; install protobuf-c-compiler"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
protoc-c --c_out="$made" onnx.proto
mkdir -p include
mv "$made/onnx.pb-c.h" include/onnx.pb-c.h
mv "$made/onnx.pb-c.c" onnx.pb-c.c
echo "generate-onnx: wrote onnx.pb-c.c and include/onnx.pb-c.h with $(protoc-c --version | head -n 1)"
