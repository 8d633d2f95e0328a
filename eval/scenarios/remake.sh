#!/usr/bin/env bash
# Makes anew what the repository holds about one checkpoint of the miniature: its profiles, its plans, the oracle's
# schedules, and the results that docs/results.md quotes; and the profile, plans and results of the harder test bed.
#
#   eval/scenarios/remake.sh profiles     caches/presets/profiles                      5 minutes on two cores
#   eval/scenarios/remake.sh plans        eval/scenarios/plans, of the profiles        20 minutes
#   eval/scenarios/remake.sh results      under WORK, and policies-64-oracle.jsonl     half an hour
#   eval/scenarios/remake.sh detail       those of wan-mini-detail, results under WORK 50 minutes of a core
#
# BIN (default: build/release/bin) has the programs, WORK (default: build/remake) takes what is not kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${BIN:-build/release/bin}
work=${WORK:-build/remake}
scenarios=eval/scenarios
profiles=caches/presets/profiles
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
mkdir -p "$work"

profile() { "$bin/dit-profile" run --threads 1 -y "$@"; }

# plan SIZE PLANNER STEPS PROFILE [OPTION...]
plan() {
    "$bin/dit-profile" plan "$4" --policy "$2" --compute "$3" -y -o "$scenarios/plans/wan-mini-$1-$2-$3.jsonl" "${@:5}"
}

# Runs functions at the same time, a core each; fails when one of them does.
together() {
    local running=()
    for task in "$@"; do
        "$task" &
        running+=($!)
    done
    for task in "${running[@]}"; do wait "$task"; done
}

profile_small() { profile --prompts "$scenarios/wan-mini-calibration.jsonl" -o "$profiles/wan-mini-64x64-50"; }
profile_large() {
    head -4 "$scenarios/wan-mini-calibration.jsonl" >"$work/few-profile.jsonl"
    profile --prompts "$work/few-profile.jsonl" --size 128x128 --edges 0 -o "$profiles/wan-mini-128x128-50"
}
make_profiles() { together profile_small profile_large; }

# Plans of 16 and 25 steps are chosen with many prompts of their own; the others take the profile's word or a short loop.
loop=$scenarios/wan-mini-closed-loop.jsonl
profile_planning() { profile --prompts "$scenarios/wan-mini-planning.jsonl" --only gram -o "$work/planning"; }
plan_others() {
    local small=$profiles/wan-mini-64x64-50 large=$profiles/wan-mini-128x128-50
    head -24 "$loop" >"$work/few.jsonl"
    plan 64x64 jumps 33 "$small" --average geometric --prompts "$work/few.jsonl"
    for steps in 15 17 22 30; do plan 64x64 jumps "$steps" "$small"; done
    for steps in 16 17 25 33; do
        plan 64x64 dpcache "$steps" "$small"
        plan 128x128 jumps "$steps" "$large"
    done
}
plan_16() { plan 64x64 jumps 16 "$work/planning" --average geometric --prompts "$loop"; }
plan_25() { plan 64x64 jumps 25 "$work/planning" --average geometric --prompts "$loop"; }
make_plans() {
    together profile_planning plan_others
    together plan_16 plan_25
}

evaluate() { "$bin/dit-eval" run "$scenarios/$1.json" -o "$work/$1"; }
results_policies() {
    evaluate policies-64
    "$bin/dit-eval" oracle "$scenarios/policies-64.json" -o "$work/policies-64" --compute 12,14,18,25,33,37 --beam 3 --rounds 1
    cp "$work/policies-64/oracle.jsonl" "$scenarios/policies-64-oracle.jsonl"
    "$bin/dit-eval" report "$work/policies-64"
}
results_others() {
    evaluate rivals-64
    evaluate policies-128
}
make_results() { together results_policies results_others; }

# Two thirds of the prompts make the profile, the others judge the plans. Not measured: edges, which take ten minutes a
# prompt, and what only policies without a row need.
make_detail() {
    local prompts=$scenarios/wan-mini-detail-planning.jsonl model=models/wan-mini-detail
    local measured=$profiles/wan-mini-detail-128x128-50 steps
    head -16 "$prompts" >"$work/detail-profile.jsonl"
    tail -n +17 "$prompts" >"$work/detail-loop.jsonl"
    profile -m "$model" --prompts "$work/detail-profile.jsonl" --only residual,indicators,gram,stack_gram -o "$measured"
    for steps in 17 25; do
        plan detail dpcache "$steps" "$measured"
        plan detail jumps "$steps" "$measured" -m "$model" --prompts "$work/detail-loop.jsonl"
    done
    evaluate policies-detail
}

case ${1:-} in
profiles | plans | results | detail) "make_$1" ;;
*)
    sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//'
    exit 2
    ;;
esac
