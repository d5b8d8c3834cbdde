#!/usr/bin/env bash
# Installs the C libraries that Ferry links and that are not there yet.
set -euo pipefail

libraries=(hdf5 libprotobuf-c libzip zlib)
debian_packages=(pkg-config libhdf5-dev libprotobuf-c-dev libzip-dev zlib1g-dev)
homebrew_packages=(pkg-config hdf5 protobuf-c libzip zlib)

if command -v pkg-config > /dev/null && pkg-config --exists "${libraries[@]}"; then
    exit 0
fi

if ! command -v swift > /dev/null; then
    echo "setup: no 'swift' on the PATH; install the Swift 6.1 toolchain or later from swift.org" >&2
    exit 1
fi

if command -v apt-get > /dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
        run=()
    elif sudo -n true 2> /dev/null; then
        run=(sudo -n)
    else
        echo "setup: some C libraries are missing and this is not root; run:" >&2
        echo "    sudo apt-get install ${debian_packages[*]}" >&2
        exit 1
    fi
    echo "setup: installing ${debian_packages[*]}"
    "${run[@]}" apt-get update -qq
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${debian_packages[@]}" > /dev/null
elif command -v brew > /dev/null; then
    brew install "${homebrew_packages[@]}"
else
    echo "setup: install these with your package manager: HDF5, protobuf-c and libzip with their headers, pkg-config" >&2
    exit 1
fi
