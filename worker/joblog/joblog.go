// Package joblog owns the file that holds a job's output on one node: its format, the executor's writer and the agent's
// reader. The file is the buffer between ranks that print and whoever reads, so that a slow terminal holds up no other
// reader and a restarted agent loses nothing. Assembling lines is left to the launcher, reporting that the log grew to
// worker/control.
//
// The file is a header and records, all little-endian:
//
//	header   8 "faasmlog"   u32 version   u32 zero   u64 floor
//	record   u32 crc   u32 length   u32 rank   u8 stream   u8 flags   u16 zero   i64 time in Unix ns   length data bytes
//
// The crc (Castagnoli) is over what follows it, data included. A record whose crc doesn't fit is one that is just being
// written, or that a crash cut short: nothing after it counts. Everything before floor has been delivered and may be a
// hole in the file.
package joblog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

const (
	magic        = "faasmlog"
	version      = 1
	headerSize   = 24
	floorAt      = 16 // offset of floor in the header
	recordHeader = 24
	// MaxData bounds a record's data. A longer write becomes several records.
	MaxData = 64 << 10
)

// Stream is where a rank wrote. The numbers are in the files.
type Stream uint8

const (
	Stdout Stream = 0
	Stderr Stream = 1
	// Note is what the executor says about a rank to a person: lines, of which those that go on are indented.
	Note Stream = 2
	// Profile is no output of a rank: the executor leaves MPI's figures there, under the number of its first rank.
	Profile Stream = 3
	// OpenMPProfile is the same for OpenMP's figures.
	OpenMPProfile Stream = 4
)

// Record is one write of one rank, or a mark.
type Record struct {
	Rank        uint32
	Stream      Stream
	AwaitsInput bool // a mark without data: the rank now waits for standard input
	Time        time.Time
	Data        []byte
}

const flagAwaitsInput = 1

var table = crc32.MakeTable(crc32.Castagnoli)

func appendHeader(b []byte) []byte {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint64(b, headerSize)
}

// parseHeader returns the floor.
func parseHeader(b []byte) (uint64, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return 0, errors.New("not a job's output log")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return 0, fmt.Errorf("an output log of version %d; this program reads %d", v, version)
	}
	floor := binary.LittleEndian.Uint64(b[floorAt:])
	if floor < headerSize || floor > 1<<62 {
		return 0, fmt.Errorf("an output log whose first record would be at %d", floor)
	}
	return floor, nil
}

func appendRecord(b []byte, r Record) []byte {
	start := len(b)
	var flags byte
	if r.AwaitsInput {
		flags |= flagAwaitsInput
	}
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Data)))
	b = binary.LittleEndian.AppendUint32(b, r.Rank)
	b = append(b, byte(r.Stream), flags, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	b = append(b, r.Data...)
	binary.LittleEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], table))
	return b
}

// parse reads the record that b begins with. n is its length; 0 when there is no whole record, good or not yet
// complete. The data is b's own.
func parse(b []byte) (r Record, n int) {
	if len(b) < recordHeader {
		return Record{}, 0
	}
	length := binary.LittleEndian.Uint32(b[4:])
	if length > MaxData || len(b) < recordHeader+int(length) {
		return Record{}, 0
	}
	n = recordHeader + int(length)
	if crc32.Checksum(b[4:n], table) != binary.LittleEndian.Uint32(b) {
		return Record{}, 0
	}
	return Record{
		Rank:        binary.LittleEndian.Uint32(b[8:]),
		Stream:      Stream(b[12]),
		AwaitsInput: b[13]&flagAwaitsInput != 0,
		Time:        time.Unix(0, int64(binary.LittleEndian.Uint64(b[16:]))),
		Data:        b[recordHeader:n:n],
	}, n
}
