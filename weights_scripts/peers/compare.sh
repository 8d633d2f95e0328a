#!/usr/bin/env bash
# Ditto beside diffusers and cache-dit at the same settings: one table (OUT/results/peers.md) and one plot (OUT/results/peers.svg).
#   weights_scripts/peers/compare.sh OUT [SCENARIO]      PYTHON names the interpreter; options of clips.py in CLIPS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:?usage: compare.sh OUT [SCENARIO]}
scenario=${2:-$root/eval/scenarios/peers-64.json}
export OMP_WAIT_POLICY=passive
python=${PYTHON:-python3}
# shellcheck disable=SC2086
"$python" "$here/clips.py" "$scenario" "$out/clips" ${CLIPS:-}
"$root/build/release/bin/dit-eval" run "$scenario" -o "$out/results" --clips "$out/clips"
"$python" "$here/side_by_side.py" "$out/results"
