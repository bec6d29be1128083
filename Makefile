# Two commands for a fresh Debian machine with make and Rust: `make assess` and `make test`.
.DEFAULT_GOAL := assess
.PHONY: assess test soak setup setup-browser bench

# Sets up what is missing; fails early and clearly, since the solver's build would fail only after minutes.
setup:
	@command -v cargo >/dev/null || { echo "error: Rust is missing; install it with rustup (https://rustup.rs), 1.95 or newer" >&2; exit 2; }
	@rustc --version | awk '{split($$2, v, "."); if (v[1] < 1 || (v[1] == 1 && v[2] < 95)) { print "error: Rust " $$2 " is too old; run: rustup update (1.95 or newer)" > "/dev/stderr"; exit 2 } }'
	@./scripts/setup.sh build

setup-browser: setup
	@./scripts/setup.sh browser

assess: setup
	cargo build --release --locked
	./target/release/buttress assess --out report
	@echo "The report is at $(CURDIR)/report/index.html"

test: setup-browser
	cargo build --release --locked
	cargo test --release --locked --workspace
	./target/release/buttress assess --out target/report-test >target/report-test.txt
	cd e2e && npm ci --silent --no-audit --no-fund && node report.mjs ../target/report-test/index.html ../target/report-test

# The long forms: 1,000 corrupted copies of the Europe case, 100 kills of a node, and ten minutes of two nodes over a bad link.
soak: setup
	BUTTRESS_SOAK=1 cargo test --release --locked -p buttress --test corrupted -- --nocapture
	BUTTRESS_SOAK=1 cargo test --release --locked -p buttress-cli --test exchange --test federation -- --nocapture

bench: setup
	cargo bench --locked -p buttress
