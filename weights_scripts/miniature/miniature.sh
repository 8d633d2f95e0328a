#!/usr/bin/env bash
# Train, continue, evaluate and export a miniature Wan 2.1.
#
#   miniature.sh [--bed NAME] train             codec, latents, transformer, decoder tuning: `mini` from nothing, `detail` from
#                                               the weights of models/wan-mini
#   miniature.sh [--bed NAME] continue HOURS    train the transformer on from before the cool-down, up to HOURS processor hours of
#                                               it in all; without a training state, HOURS more from the weights of the folder
#   miniature.sh [--bed NAME] evaluate          quick accuracy of the last checkpoint, at every size
#   miniature.sh [--bed NAME] export            write the folder under models/, measure it, fill in the model card
#   miniature.sh [--bed NAME] smoke             train for a minute on tiny settings and check the result
#
# NAME (default: BED, else mini) is a bed of beds.py: `mini` makes models/wan-mini, `detail` models/wan-mini-detail.
# STATE (default: state, or state-NAME, beside this script) holds the training state, PYTHON (default: python3) runs the
# scripts, PROCESSES (default: 2) train in parallel.
set -euo pipefail

bed=${BED:-mini}
if [[ ${1:-} == --bed ]]; then
    bed=${2:?name of a bed}
    shift 2
fi
mini=../../models/wan-mini
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $bed in
mini) own_state=state model=$mini metrics=metrics.json ;;
detail) own_state=state-detail model=../../models/wan-mini-detail metrics=metrics-detail.json ;;
*)
    echo "miniature.sh: --bed: no bed $bed; accepted: mini, detail" >&2
    exit 2
    ;;
esac
state=$(realpath -m "${STATE:-$scripts/$own_state}")
python=${PYTHON:-python3}
if [[ $python == */* ]]; then python=$(realpath -s "$python"); fi
cd "$scripts"
processes=${PROCESSES:-2}

# One thread per process; memory is kept instead of being returned to the system, page faults cost much of a core.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 GLIBC_TUNABLES=glibc.malloc.hugetlb=1

run() { "$python" "$@" --bed "$bed" --state "$state"; }
run_parallel() { "$python" -m torch.distributed.run --standalone --nproc_per_node "$processes" "$@" --bed "$bed" --state "$state"; }
measure() { "$python" benchmark.py "$@" --bed "$bed"; }

# Encode the latent bank at one size, the shards shared by all processes.
encode() {
    local workers=()
    for ((first = 0; first < processes; ++first)); do
        run encode_latents.py "$@" --first "$first" --stride "$processes" &
        workers+=($!)
    done
    for worker in "${workers[@]}"; do wait "$worker"; done
}

encode_bank() {
    case $bed in
    mini)
        encode --size 64 --shards 32
        encode --size 128 --shards 20 --clips 512
        ;;
    detail) encode --size 128 --shards 40 --clips 512 ;;
    esac
}

train_codec() {
    case $bed in
    mini) run_parallel train_vae.py --steps 9000 ;;
    detail) run_parallel train_vae.py --steps 2600 --crops 6 --begin-with "$mini" ;;
    esac
}

# Up to $1 hours in all, the last part with the learning rate going to zero.
train_transformer() {
    case $bed in
    mini) run_parallel train_transformer.py --hours "$1" --large 0.33 --cooldown 0.45 "${@:2}" ;;
    detail) run_parallel train_transformer.py --hours "$1" --cooldown 0.5 "${@:2}" ;;
    esac
}

tune_decoder() {
    local crops=()
    if [[ $bed == detail ]]; then crops=(--crops 6); fi
    run_parallel train_vae.py --decoder-only --steps 1500 --muon-lr 0.006 --adam-lr 4e-4 --cooldown 1 "${crops[@]}"
}

case ${1:-} in
train)
    train_codec
    encode_bank
    if [[ $bed == mini ]]; then
        run_parallel train_transformer.py --hours 0.6 --cooldown 0
        train_transformer 2.8
    else
        train_transformer 2.9 --begin-with "$mini"
    fi
    tune_decoder
    ;;
continue)
    hours=${2:?processor hours of the transformer in all}
    if [[ -e $state/vae.pt && ! -e $state/transformer.pt ]]; then
        echo "miniature.sh: continue: $state: has a codec of its own and no transformer yet; accepted: train, which goes on" >&2
        exit 2
    fi
    if [[ ! -e $state/vae ]]; then
        mkdir -p "$state"
        cp -r "$model/vae" "$model/tokenizer" "$state/"
    fi
    encode_bank
    run continue_from.py --hours "$hours"
    train_transformer "$hours" --begin-with "$model"
    ;;
evaluate)
    case $bed in
    mini)
        run evaluate.py --size 64 --count 128
        run evaluate.py --size 128 --count 32
        ;;
    detail) run evaluate.py --count 64 ;;
    esac
    ;;
export)
    run export.py --to "$model"
    rm -f "$metrics" # figures of other weights
    case $bed in
    mini)
        # On two cores, about half an hour each.
        measure accuracy --size 128 --count 256 --sheet "$model/contact_128.png" &
        large=$!
        trap 'kill "$large" 2>/dev/null || true' EXIT # another measurement failed
        measure accuracy --size 64 --count 256 --sheet "$model/contact_64.png"
        measure caching --size 64 --count 64
        measure caching --size 128 --count 16
        wait "$large"
        trap - EXIT
        ;;
    detail)
        measure accuracy --count 64 --sheet "$model/contact_128.png"
        measure accuracy --count 64 --guidance 3
        measure caching --count 32
        ;;
    esac
    "$python" card.py --bed "$bed"
    ;;
smoke)
    "$python" smoke.py --bed "$bed"
    ;;
*)
    sed -n '2,14p' miniature.sh | sed 's/^# \{0,1\}//'
    exit 2
    ;;
esac
