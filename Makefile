# A list of names; what they do lives in cmd/jackfield, in the tests and in scripts/.

EXTENSIONS := $(patsubst %/manifest.mf,%,$(wildcard extensions/*/manifest.mf examples/*/manifest.mf))
VERSION    := $(shell git describe --tags --match 'v*' 2>/dev/null | sed 's/^v//')
LDFLAGS    := -s -w $(if $(VERSION),-X main.version=$(VERSION))

.PHONY: help run test e2e build deb bench soak chaos chaos-long generate lint clean

help: ## list these targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: build ## build, pack the bundles, sign them and serve them from ./jmap-home
	@scripts/local-authority jmap-home dist/bundles/*.jar
	bin/jackfield serve --home jmap-home

test: ## install what the tests need, then check and test everything
	scripts/test-needs
	$(MAKE) --no-print-directory lint build
	GORACE=atexit_sleep_ms=0 go test -race $$(go list ./... | grep -v '/e2e$$')
	$(MAKE) --no-print-directory e2e
	go run ./bench -short
	go run ./store/server/bench -short
	go run ./bench/fleet -short
	go run ./bench/soak -short
	go run ./bench/chaos -short

e2e: ## what a person sees and does, in a real browser with the real binary; pictures of every page in dist/screenshots
	go test -count=1 ./e2e

build: ## bin/jackfield, and a JAR of every extension and example in dist/bundles
	@mkdir -p bin dist/bundles
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/jackfield ./cmd/jackfield
	@rm -f dist/bundles/*.jar
	@cd dist/bundles && for dir in $(EXTENSIONS); do ../../bin/jackfield bundle pack ../../$$dir || exit; done

deb: build ## dist/jackfield_<version>_<arch>.deb, for Debian 12 and later
	packaging/build-deb bin/jackfield dist

bench: build ## hold what is said of speed to a measurement: tables, claims, dist/bench.json, dist/store-bench.json
	go run ./bench
	go run ./store/server/bench
	go run ./bench/fleet

soak: build ## ten minutes of mixed load with cancels, deadlines and crashes; then nothing may be left
	go run ./bench/soak

chaos: build ## ten minutes of kills, bad upgrades, lost folders and full disks under load
	go run ./bench/chaos

chaos-long: build ## the same with the full counts, the better part of an hour
	go run ./bench/chaos -long

generate: ## write internal/gen anew from proto/, the diagram of docs/STATES.md, and the pages of docs/operations that are made from the code
	proto/generate.sh
	go test ./host/internal/lifecycle ./internal/guidance ./cmd/internal/root -update

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

clean: ## remove what make build made; ./jmap-home stays
	rm -rf bin dist
