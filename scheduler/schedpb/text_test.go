package schedpb

import (
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "caf\xe9", "café", "\xff\xfe\x80", "\U0010ffe9", "\U0010ff7f",
		"a\U0010ff80\xe9", "\xf4\x8f\xbf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sent := Encode(s)
		if !utf8.ValidString(sent) {
			t.Errorf("%q is sent as %q", s, sent)
		}
		if back := Decode(sent); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
		for i := range len(s) { // a byte that the scheduler looks for can't be smuggled in
			if s[i] == 0 || s[i] == '=' || s[i] == '/' {
				return
			}
		}
		for _, c := range Decode(s) {
			if c == 0 || c == '=' || c == '/' {
				t.Errorf("%q decodes to %q", s, Decode(s))
			}
		}
	})
}

// What 0.1.0 stored, and what it would read, is the same as long as it is UTF-8.
func TestTextOfBefore(t *testing.T) {
	for _, s := range []string{"", "a=b", "/home/müller/日本", "\U0001f600", "\x1b[31m"} {
		if Encode(s) != s || Decode(s) != s {
			t.Errorf("%q is not itself", s)
		}
	}
}

func TestEncodedSpec(t *testing.T) {
	spec := &JobSpec{StdoutPath: "o\xe9", StderrPath: "e\xe9",
		Apps: []*App{{Program: "p\xe9", Dir: "/d\xe9", Args: []string{"a", "a\xe9"},
			Env: []*EnvVar{{Name: "N\xe9", Value: "v\xe9"}}, Mounts: []*Mount{{HostDir: "/h\xe9", GuestDir: "/g\xe9"}}}}}
	if _, err := proto.Marshal(spec); err == nil {
		t.Fatal("the message takes bytes by itself")
	}
	wire, err := proto.Marshal(spec.Encoded())
	if err != nil {
		t.Fatal(err)
	}
	got := new(JobSpec)
	if err := proto.Unmarshal(wire, got); err != nil {
		t.Fatal(err)
	}
	if back := got.Decoded(); !proto.Equal(back, spec) {
		t.Errorf("got %v\nwant %v", back, spec)
	}
	if plain := (&JobSpec{Apps: []*App{{Program: "p"}}}); plain.Encoded() != plain || plain.Decoded() != plain {
		t.Error("a plain specification is copied")
	}
}
