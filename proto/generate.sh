#!/bin/sh
# Writes internal/gen from the .proto files, with the generators that go.mod pins and
# the protoc of the machine. A second run changes nothing.
set -eu
cd "$(dirname "$0")/.."
command -v protoc >/dev/null || { echo "generate: protoc is missing; hint: apt-get install protobuf-compiler" >&2; exit 1; }
module=$(go list -m)
protoc \
	--plugin=protoc-gen-go="$(go tool -n protoc-gen-go)" \
	--plugin=protoc-gen-go-grpc="$(go tool -n protoc-gen-go-grpc)" \
	--go_out=. --go_opt=module="$module" \
	--go-grpc_out=. --go-grpc_opt=module="$module" \
	proto/extension/v1/extension.proto
