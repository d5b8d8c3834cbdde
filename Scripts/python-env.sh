#!/usr/bin/env bash
# Makes .venv at the repository's root with the pinned frameworks that record and check the fixtures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=Scripts/requirements.txt
stamp=.venv/requirements.sha256
python=${PYTHON:-python3.11}
fail() { echo "python-env: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python was not found; install Python 3.11 or set PYTHON to one"
hash=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest())' "$requirements")
if [[ -x .venv/bin/python && $(cat "$stamp" 2>/dev/null) == "$hash" ]]; then
  echo "python-env: .venv is current"
  exit 0
fi

echo "python-env: making .venv"
"$python" -m venv --clear .venv || fail "no virtual environment could be made; does this Python have the venv module?"
echo "python-env: installing $requirements"
.venv/bin/pip install --quiet --disable-pip-version-check --requirement "$requirements" || fail "pip could not install $requirements"
echo "python-env: importing everything once"
TF_CPP_MIN_LOG_LEVEL=3 .venv/bin/python -c 'import tensorflow, keras, tf_keras, onnx, onnxruntime, h5py, numpy, torch, onnxscript, safetensors' 2>.venv/import.log \
  || fail "the pinned packages do not import together: $(tail -n 1 .venv/import.log)"
echo "$hash" >"$stamp"
echo "python-env: .venv is ready"
