package store

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// MaxShards bounds the number of shards of a snapshot.
const MaxShards = 1 << 14

// ShardCount returns into how many shards so many listings are divided: the least power of
// two whose square is not less, so that a client that looks for one listing reads about as
// much of the snapshot as of the shard.
func ShardCount(listings int) int {
	count := 1
	for count*count < listings && count < MaxShards {
		count *= 2
	}
	return count
}

// ShardOf returns the index of the shard that the listing belongs to, where count is a
// power of two: the first bits of SHA-256 of the folded id.
func ShardOf(id string, count int) int {
	sum := sha256.Sum256([]byte(FoldID(id)))
	width := bits.Len(uint(count)) - 1
	return int(binary.BigEndian.Uint32(sum[:4]) >> (32 - width))
}
