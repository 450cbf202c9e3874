package worker

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// A failed job's end goes where its user may write, and nowhere else, whatever links the user has put there; other
// threads stay root's.
func TestEndingIsWrittenAsTheUser(t *testing.T) {
	who := otherUser(t)
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && len(at) > 1; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	theirs, roots := filepath.Join(dir, "theirs"), filepath.Join(dir, "roots")
	secret := filepath.Join(roots, "secret")
	for _, step := range []error{os.Mkdir(theirs, 0o755), os.Mkdir(roots, 0o755),
		os.WriteFile(secret, []byte("kept"), 0o600),
		os.Chown(theirs, int(who.uid), int(who.gid)), os.Symlink(secret, filepath.Join(theirs, "link"))} {
		if step != nil {
			t.Fatal(step)
		}
	}
	j := &job{w: &Worker{Config: Config{Users: map[string]string{"alice": who.name},
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil))}}, key: jobKey{12, 1}, as: who,
		dir:   filepath.Join(dir, "none"),
		spec:  &schedpb.JobSpec{Apps: []*schedpb.App{{Dir: theirs}}, StdoutPath: "out-%j"},
		order: &schedpb.StartJob{Tenant: "alice", Ranks: 1}}
	failed := &schedpb.JobEnd{State: "F", ExitCode: 3, Reason: "it failed\nhere"}
	j.appendEnd(failed)
	file := filepath.Join(theirs, "out-12")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != who.uid {
		t.Errorf("the file is user %d's", owner)
	}
	if text, _ := os.ReadFile(file); string(text) != "faasmrun: job 12: it failed\n  here\n" {
		t.Errorf("%q", text)
	}
	for _, path := range []string{"link", "../roots/new", secret} {
		j.spec.StdoutPath = path
		j.appendEnd(failed)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "kept" {
		t.Errorf("root's file has %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(roots, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of the user's is in root's directory: %v", err)
	}
	// A pipe that nobody reads holds nobody.
	if err := syscall.Mkfifo(filepath.Join(theirs, "pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	j.spec.StdoutPath = "pipe"
	j.appendEnd(failed)
	if _, err := os.ReadFile(secret); err != nil {
		t.Error("this process is not root any more:", err)
	}
}

func TestEndingText(t *testing.T) {
	j := &job{w: &Worker{}, key: jobKey{14, 1}, spec: &schedpb.JobSpec{},
		order: &schedpb.StartJob{ArrayId: 12, ArrayIndex: 3}}
	end := &schedpb.JobEnd{State: "TO", ExitCode: 110, Reason: "too late", RankStates: &schedpb.RankStates{}}
	for r := range uint32(4) {
		end.RankStates.Ranks = append(end.RankStates.Ranks,
			&schedpb.RankState{Rank: r, Where: []string{"a", "a", "a", "b\nc"}[r]})
	}
	if got, want := j.endText(end),
		"faasmrun: job 14 (12_3): too late\n  where the ranks stood:\n  ranks 0-2: a\n  rank 3: b c\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	for r := range uint32(1000) {
		end.RankStates.Ranks = append(end.RankStates.Ranks, &schedpb.RankState{Rank: 10 + 2*r, Where: "x"})
	}
	if got := j.endText(end); strings.Count(got, "\n") >= 1000 || !strings.HasSuffix(got, " more groups of ranks\n") {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}
