package shim

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

// refusedHere are system calls of this architecture alone.
func refusedHere() []uint32 { return nil }

// metadataHere are those of metadata.
func metadataHere() []uint32 { return nil }
