#!/usr/bin/env bash
# An LSTM that Keras trained: predicts with it, converts it to ONNX and back, and says how far the numbers differ.
set -euo pipefail
cd "$(dirname "$0")/.."

ferry=.build/release/ferry
model=fixtures/demo/model.h5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n$ %s\n' "$*"; "$@"; }

say $ferry inspect $model
printf '\nThe next number of a sequence, as Ferry and as Keras predict it:\n'
$ferry predict $model -i fixtures/demo/in_0.npy -o - --quiet
say $ferry predict $model -i fixtures/demo/in_0.npy -o "$work/predicted.npy"
say $ferry compare "$work/predicted.npy" fixtures/demo/out_0.npy
say $ferry convert $model "$work/model.onnx"
say $ferry convert "$work/model.onnx" "$work/again.h5"
say $ferry verify $model "$work/again.h5"
