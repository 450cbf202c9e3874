package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/confine"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
)

// A worker announces what it was told to and what the machine has, and why it lacks the rest.
func TestEngines(t *testing.T) {
	cache := t.TempDir()
	engines, native, err := Engines(schedpb.EngineWazero, cache, false)
	if err != nil || native != nil || len(engines) != 1 || engines[0].Name != schedpb.EngineWazero ||
		engines[0].Missing != "" || engines[0].MaxRankMemBytes != 4<<30 {
		t.Errorf("%v, %v, %v", engines, native, err)
	}
	_, _, err = Engines("both", cache, false)
	if err == nil || !strings.Contains(err.Error(), `"both" is none of these`) {
		t.Error(err)
	}
	if !clang.Supported() || !confine.HasLandlock() {
		t.Skip("this machine never has the native engine")
	}
	for _, name := range []string{"clang-19", "ld.lld-19"} {
		script := "#!/bin/sh\necho clang version 14.0.6 >&2\n"
		if err := os.WriteFile(filepath.Join(cache, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", cache+":"+os.Getenv("PATH"))
	const why = "is version 14.0.6, not 19"
	engines, native, err = Engines(engineAuto, cache, false)
	if err != nil || native != nil || len(engines) != 2 || !strings.HasSuffix(engines[1].Missing, why) {
		t.Errorf("%v, %v, %v", engines, native, err)
	}
	if _, _, err := Engines(schedpb.EngineNative, cache, false); err == nil || !strings.HasSuffix(err.Error(), why) {
		t.Error(err)
	}
}
