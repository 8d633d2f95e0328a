#!/usr/bin/env bash
# Train, continue, evaluate and export the miniature Wan 2.1.
#
#   miniature.sh train             from nothing: codec, latents, transformer, decoder tuning
#   miniature.sh continue HOURS    train on from before the cool-down, up to HOURS processor hours in all
#   miniature.sh evaluate          quick accuracy of the last checkpoint, at both sizes
#   miniature.sh export            write models/wan-mini, measure it, fill in the model card
#   miniature.sh smoke             train for a minute on tiny settings and check the result
#
# STATE (default: state beside this script) holds the training state, PYTHON (default: python3) runs the scripts,
# PROCESSES (default: 2) train in parallel.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$(realpath -m "${STATE:-$scripts/state}")
cd "$scripts"
python=${PYTHON:-python3}
processes=${PROCESSES:-2}
model=../../models/wan-mini

# One thread per process; memory is kept instead of being returned to the system, page faults cost much of a core.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 GLIBC_TUNABLES=glibc.malloc.hugetlb=1

run() { "$python" "$@" --state "$state"; }
run_parallel() { "$python" -m torch.distributed.run --standalone --nproc_per_node "$processes" "$@" --state "$state"; }

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
    encode --size 64 --shards 32
    encode --size 128 --shards 20 --clips 512
}

tune_decoder() {
    run_parallel train_vae.py --decoder-only --steps 1500 --muon-lr 0.006 --adam-lr 4e-4 --cooldown 1
}

case ${1:-} in
train)
    run_parallel train_vae.py --steps 9000
    encode_bank
    run_parallel train_transformer.py --hours 0.4 --cooldown 0
    run_parallel train_transformer.py --hours 4 --large 0.25 --cooldown 0.3
    tune_decoder
    ;;
continue)
    hours=${2:?processor hours in all}
    encode_bank
    cp "$state/transformer.pt" "$state/transformer_before.pt"
    cp "$state/transformer_stable.pt" "$state/transformer.pt"
    run_parallel train_transformer.py --hours "$hours" --large 0.25 --cooldown 0.3
    ;;
evaluate)
    run evaluate.py --size 64 --count 128
    run evaluate.py --size 128 --count 32
    ;;
export)
    run export.py --to "$model"
    "$python" benchmark.py accuracy --size 64 --count 256 --sheet "$model/contact_64.png"
    "$python" benchmark.py accuracy --size 128 --count 64 --sheet "$model/contact_128.png"
    "$python" benchmark.py caching --size 64 --count 64
    "$python" benchmark.py caching --size 128 --count 16
    "$python" card.py
    ;;
smoke)
    "$python" smoke.py
    ;;
*)
    sed -n '2,11p' miniature.sh | sed 's/^# \{0,1\}//'
    exit 2
    ;;
esac
