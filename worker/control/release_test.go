package control

import (
	"bytes"
	"encoding/binary"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// TestReleases: what executors of release 0.1.0 say is understood, and what is said to them is what they know. The file
// has a frame of each kind but Start, as that release wrote it: it is given no new jobs.
func TestReleases(t *testing.T) {
	recorded, err := os.ReadFile("testdata/release-0.1.0.frames")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	out, in := NewConn(&said), NewConn(bytes.NewBuffer(recorded))
	if err := out.SetVersion(Oldest); err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, m := range samples {
		switch m.kind() {
		case kindStart, kindInput, kindInputTaken, kindEnded, kindStep:
			continue
		}
		known++
		got, err := in.Receive()
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: read as %+v, %v", m, got, err)
		}
		if err := out.Send(m); err != nil {
			t.Error(err)
		}
	}
	if known != 14 || !bytes.Equal(said.Bytes(), recorded) {
		t.Errorf("%d messages are said as\n%x\nand were\n%x", known, said.Bytes(), recorded)
	}
	if NewConn(&said).SetVersion(Version+1) == nil {
		t.Error("a version that is not known is taken")
	}
}

// What release 0.1.0 said of its ranks' ends is told in today's words; its result is its own.
func TestEndsOfReleases(t *testing.T) {
	frame := func(code int32, reason string) *Ended {
		e := encoder{}
		e.int(code)
		e.string(reason)
		e.uint(9) // end of the log
		e.bool(false)
		e.bool(false)
		e.uint(0) // no states
		e.uint(3)
		for rank, exit := range []struct {
			code        int32
			message     string
			consequence bool
		}{{3, "it said so", false}, {143, "", true}, {137, "", true}} {
			e.uint(uint64(rank))
			e.int(exit.code)
			e.string(exit.message)
			e.bool(exit.consequence)
		}
		for range 5 {
			e.uint(0)
		}
		m, err := Read(bytes.NewReader(append(binary.LittleEndian.AppendUint32(nil, uint32(2+len(e.b))),
			append([]byte{Oldest, 20}, e.b...)...)))
		if err != nil {
			t.Fatal(err)
		}
		return m.(*Ended)
	}
	want := []result.RankEnd{{Rank: 0, Number: 3, Text: "it said so"}, {Rank: 1, Cause: result.Ended, Number: 143},
		{Rank: 2, Cause: result.Killed, Number: 137}}
	for code, state := range map[int32]string{0: "CD", 3: "F", -1: "F"} {
		m := frame(code, "why")
		if *m.Made != (result.Result{State: state, ExitCode: code, Reason: "why"}) || !slices.Equal(m.Ranks, want) {
			t.Errorf("%d: %+v, %+v", code, m.Made, m.Ranks)
		}
	}
}
