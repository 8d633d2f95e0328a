# Two commands are all a user needs: `make demo` and `make test`. Both set up what is missing first.
#   LibTorch_ROOT=/path/to/torch   use that LibTorch; no Python is then needed
#   CMAKE_FLAGS=-D...              passed on to the configure step

BUILD := build/release
DIT_GEN := $(BUILD)/bin/dit-gen
DEMO_PROMPT ?= a large blue square moving right on a gray background
DEMO_SIZE ?= 128x128
DEMO_CACHE ?= taylorseer:interval=3

.PHONY: help setup lpips build demo test smoke lint asan install clean

help:
	@echo "make demo     build, then generate a clip twice (full, cached) under demo/ and compare"
	@echo "make test     build, then run every test"
	@echo "make smoke    train both miniatures for a moment, export them, compare with diffusers"
	@echo "make lint     formatting, include borders, documentation checks"
	@echo "make asan     unit tests under the address and undefined-behaviour sanitizers"
	@echo "make lpips    fetch the LPIPS weights (make demo and make test do so when they can)"
	@echo "make install  install into PREFIX (default /usr/local)"
	@echo "make clean    remove build/ and demo/"

setup:
	@.ci/setup

lpips: setup
	@.ci/lpips

build: setup
	@.ci/lpips --if-reachable
	@.ci/build release

demo: build
	@mkdir -p demo
	$(DIT_GEN) -p "$(DEMO_PROMPT)" --size $(DEMO_SIZE) -o demo/full.mp4 -y
	$(DIT_GEN) -p "$(DEMO_PROMPT)" --size $(DEMO_SIZE) --cache $(DEMO_CACHE) --compare -o demo/cached.mp4 \
	  --contact-sheet demo/contact_sheet.png --trace demo/trace.jsonl -y

test: build
	ctest --preset release -j 2

smoke: build
	@.ci/smoke

lint: setup
	@.ci/lint

asan: setup
	@.ci/build asan
	ctest --preset asan -j 2

install: build
	cmake --install $(BUILD) --prefix $(or $(PREFIX),/usr/local)

clean:
	rm -rf build demo
