package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// samples has a message of every kind with every field set.
var samples = []Message{
	&Start{Job: 1<<64 - 1, Epoch: 7, Node: "n1", FirstRank: 4, Ranks: 3, WorldSize: 9, Interactive: true,
		MemPerRank: 1 << 40,
		Stdin:      StdinList, StdinRanks: []uint32{1, 1<<32 - 1}, LogPath: "/run/log", LogWindow: 64 << 20,
		ExitPath: "/run/exit",
		AgentUID: 1<<32 - 1, LeaseUntil: 1 << 60, Stdout: []string{"/o"}, Stderr: []string{"/e0", "/e1"}, Append: true,
		Restarts: 2,
		CacheDir: "/cache", Apps: []App{
			{Module: "/m.wasm", Program: "a.wasm", Args: []string{"", "caf\xe9"}, Env: []string{"A=b", "C="}, Dir: "/home",
				Object: "/o.so", Digest: "ab", CPUs: 3,
				Mounts: []Mount{{HostDir: "/data", GuestDir: "/d", ReadOnly: true}}, Ranks: 2},
			{Program: "b.wasm", Ranks: 1},
		}, Check: true, MPIStats: true, IdleTimeout: time.Minute, SharedOut: true, SharedErr: true, Native: true,
		Script: &Script{Text: []byte("#!/bin/sh\n\xff"), Name: "job.sh", Args: []string{"a", ""}, Env: []string{"A=b"},
			Dir: "/home", Stdin: "in", Mark: "m", Slots: 4, MemBytes: 1 << 40, CacheDir: "/cache",
			Engine: "auto", Lax: true, Signal: 10, SignalAt: time.Minute, SignalScript: true}},
	&Stdin{Data: []byte("line\n"), EOF: true},
	&Input{Seq: 7, Data: []byte("line\n"), EOF: true, Signal: 10},
	&InputTaken{Received: 7, Stdin: 5},
	&Signal{Number: 10},
	&Terminate{},
	&QueryRanks{},
	&Delivered{Offset: 1 << 50},
	&Resume{},
	&Lease{Until: 12345},
	&Lend{Descriptor: 6},
	&Step{Number: 3, Name: "a.wasm", Ranks: 2, Slots: 4, Started: 1 << 60, Ended: 1<<60 + 1, State: "CD", ExitCode: -3},
	&Started{},
	&LogGrew{End: 99},
	&StdinTaken{Bytes: 5},
	&RankStates{Ranks: []RankState{{Rank: 3, Where: "MPI_Recv from rank 2"}}},
	&Ended{Ranks: []result.RankEnd{{Rank: 1, Cause: result.Trapped, Number: 11, Text: "out of bounds", Program: "a.wasm"}},
		Deadlock: "deadlock", Findings: 3, LostOutput: "disk full", NotBegun: "no log", ExcessInput: true,
		LogEnd: 12, States: []RankState{{Rank: 0, Where: "computing"}}, MaxMemory: 1 << 20, Terminated: true, Fenced: true,
		CPUNs: 1 << 40, MaxRSS: 1 << 33, MPIBytes: 1 << 35, Idle: true},
	&Ended{LogEnd: 12, Script: &result.ScriptEnd{Name: "job.sh", Status: 3, Signal: 9, SignalName: "killed"}},
	// of release 0.1.0
	&Ended{Made: &result.Result{State: "F", ExitCode: -3, Reason: "rank 1 failed"}, LogEnd: 12,
		States:    []RankState{{Rank: 0, Where: "computing"}},
		Ranks:     []result.RankEnd{{Rank: 1, Cause: result.Ended, Number: 139, Text: "out of bounds"}},
		MaxMemory: 1 << 20, Terminated: true, Fenced: true,
		CPUNs: 1 << 40, MaxRSS: 1 << 33, MPIBytes: 1 << 35, Idle: true},
	&Prepared{Key: "k", Module: "m.wasm", MinMemory: 65536, MaxMemory: 4 << 30},
}

func TestRoundTrip(t *testing.T) {
	seen := map[kind]bool{}
	var stream bytes.Buffer
	c := NewConn(&stream)
	for _, m := range samples {
		seen[m.kind()] = true
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range samples {
		got, err := c.Receive()
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%T came back as\n%+v, was\n%+v", m, got, m)
		}
	}
	if _, err := c.Receive(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for k := range readers {
		if !seen[k] {
			t.Errorf("no sample of kind %d", k)
		}
	}
}

func TestBadFrames(t *testing.T) {
	good := Append(nil, samples[0])
	with := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name, want string
		frame      []byte
	}{
		{"too short a length", "out of bounds", binary.LittleEndian.AppendUint32(nil, 1)},
		{"too long a length", "out of bounds", with(3, 0xff)},
		{"another version", "version 9", with(4, 9)},
		{"an unknown kind", "unknown kind 200", with(5, 200)},
		{"cut", "ends early", good[:len(good)-1]},
		{"trailing bytes", "bytes too many", []byte{3, 0, 0, 0, Version, byte(kindStarted), 0}},
		{"a string beyond the end", "ends early", []byte{3, 0, 0, 0, Version, byte(kindStdin), 0xff}},
		{"an uvarint of 33 bits for a rank", "ends early", append([]byte{9, 0, 0, 0, Version, byte(kindRankStates), 1},
			0xff, 0xff, 0xff, 0xff, 0x7f, 0)},
	} {
		_, err := Read(io.MultiReader(bytes.NewReader(c.frame),
			bytes.NewReader(make([]byte, headerSize-len(c.frame[:min(headerSize, len(c.frame))])))))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Read(bytes.NewReader(good[:3])); err != io.ErrUnexpectedEOF {
		t.Errorf("half a header: %v", err)
	}
}

func TestTooLongIsNotSent(t *testing.T) {
	var stream bytes.Buffer
	if err := NewConn(&stream).Send(&Stdin{Data: make([]byte, MaxFrame)}); err == nil || stream.Len() > 0 {
		t.Errorf("sent %d bytes, %v", stream.Len(), err)
	}
}

// A frame's length alone must not make the reader allocate it.
func TestLengthIsNotTrusted(t *testing.T) {
	header := binary.LittleEndian.AppendUint32(nil, MaxFrame)
	header = append(header, Version, byte(kindStdin))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(bytes.NewReader(header)); err == nil {
		t.Fatal("read a frame that is not there")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes allocated for a frame that never came", n)
	}
}

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "exit")
	if _, err := ReadRecord(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no record: %v", err)
	}
	want := samples[len(samples)-3].(*Ended)
	if err := WriteRecord(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecord(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}

	for name, b := range map[string][]byte{
		"empty": nil, "torn": Append(nil, want)[:20], "another message": Append(nil, &Started{}),
		"two": Append(Append(nil, want), want),
	} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRecord(path); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := WriteRecord(filepath.Join(dir, "none", "exit"), want); err == nil {
		t.Error("wrote into a directory that is not there")
	}
}

// FuzzRead: no bytes panic or hang the reader, and what it accepts it would write again.
func FuzzRead(f *testing.F) {
	for _, m := range samples {
		f.Add(Append(nil, m))
	}
	f.Add([]byte{3, 0, 0, 0, Version, byte(kindStdin), 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(Append(nil, m)))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v was read again as %+v, %v", m, again, err)
		}
	})
}
