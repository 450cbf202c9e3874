package control

import (
	"bytes"
	"os"
	"reflect"
	"testing"
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
	if err := out.Speak(Oldest); err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, m := range samples {
		switch m.(type) {
		case *Start, *Input, *InputTaken:
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
	if NewConn(&said).Speak(Version+1) == nil {
		t.Error("a version that is not known is spoken")
	}
}
