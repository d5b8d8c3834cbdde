# The two commands a newcomer needs are `make demo` and `make test`.
SWIFT ?= swift

.PHONY: setup build test demo examples interop interop-sample client bench saving hostile leaks sanitize fuzz lint format

## Installs the C libraries that are missing.
setup:
	@Scripts/setup.sh

build: setup
	$(SWIFT) build --configuration release

## Runs all Swift tests.
test: setup
	$(SWIFT) test --configuration release

## Loads an LSTM that Keras trained, predicts, converts it to ONNX and back.
demo: build
	$(SWIFT) run --configuration release demo fixtures/demo .build

## Runs the examples of a usual course on LSTMs; each checks what it comes to.
examples: build
	$(SWIFT) run --configuration release examples

## Opens what Ferry writes in the real Keras, ONNX Runtime and PyTorch.
interop: build
	@Scripts/python-env.sh
	.venv/bin/python Tests/interop/check.py .build/release/ferry
	.venv/bin/python Tests/interop/check_torch.py .build/release/ferry
	.venv/bin/python Tests/interop/training.py .build/release/ferry
	.venv/bin/python Tests/interop/taking_turns.py .build/release/ferry

## The part of `interop` that CI has time for: PyTorch, and every fifth file; the whole takes a quarter of an hour.
interop-sample: build
	@Scripts/python-env.sh
	.venv/bin/python Tests/interop/check.py .build/release/ferry --every 5
	.venv/bin/python Tests/interop/check_torch.py .build/release/ferry
	.venv/bin/python Tests/interop/taking_turns.py .build/release/ferry adam

## Builds and runs a package that depends on this one.
client: setup
	$(SWIFT) run --package-path Tests/client --scratch-path .build-client client fixtures/demo

## Measures Ferry, ONNX Runtime and PyTorch in turn and writes docs/Benchmarks.md.
bench: build
	@Scripts/python-env.sh
	.venv/bin/python Benchmarks/run.py .build/release/ferry --output docs/Benchmarks.md

## Kills `ferry` while it saves and fills its disk; KILLS=500 for a long run.
KILLS ?= 70
saving: build
	python3 Tests/saving/check.py .build/release/ferry $(KILLS)
	python3 Tests/saving/checkpoints.py .build/release/ferry $$(($(KILLS) / 10))

## Gives `ferry` damaged files and such as were made to do harm; MUTANTS and SEED for more and others of them.
MUTANTS ?= 100
SEED ?= 1
hostile: build
	@Scripts/python-env.sh
	.venv/bin/python Tests/hostile/check.py .build/release/ferry --count $(MUTANTS) --seed $(SEED)

## Opens and closes a thousand models and looks at memory and open files.
leaks: setup
	FERRY_ALONE=1 $(SWIFT) test --configuration release --filter ResourceTests

## Runs the tests with AddressSanitizer, then with ThreadSanitizer, but for those that count allocations, that limit the
## memory of a child, and that nest graphs as deep as a stack without a sanitizer's additions holds. `make leaks` looks
## for leaks; what the sanitizer calls so is XCTest's.
UNSANITIZED = --skip BenchTests --skip HDF5IsolationTests --skip graphsNestOnlySoDeep
sanitize: setup
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --disable-xctest $(UNSANITIZED) --sanitize address --scratch-path .build-address
	$(SWIFT) test --disable-xctest $(UNSANITIZED) --sanitize thread --scratch-path .build-thread

## Looks for bytes that break a reader: TARGET is one of Tests/fuzz/FuzzTarget.swift, SECONDS how long.
TARGET ?= hdf5
SECONDS ?= 60
fuzz: setup
	Scripts/fuzz.sh $(TARGET) $(SECONDS)

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Examples

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Examples
