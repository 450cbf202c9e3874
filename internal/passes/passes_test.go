package passes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// thrower is a module of one function that throws a number, catches it and clears as many bytes.
func thrower() []byte {
	m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{wasm.I32}}}, Tags: []uint32{1}, Memories: []wasm.Limits{{Min: 1}}}
	var c wasm.Code
	c.I32(0)
	c.I32(0)
	c.Block(wasm.OpTry, wasm.BlockOf(wasm.I32))
	c.I32(42)
	c.Index(wasm.OpThrow, 0)
	c.Index(wasm.OpCatch, 0)
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpMemoryFill)
	c.Raw([]byte{0})
	c.Op(wasm.OpEnd)
	m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
	return m.Encode()
}

// TestVersion fails when a pass writes other code than before: raise Version, then put the new hash here.
func TestVersion(t *testing.T) {
	out, changed, err := Run(thrower())
	if err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	const version, hash = "3", "4825b6452bb84d6c"
	if sum := sha256.Sum256(out); Version != version || hex.EncodeToString(sum[:8]) != hash {
		t.Errorf("version %s gives %x", Version, sum[:8])
	}
}

func TestUnchanged(t *testing.T) {
	module := (&wasm.Module{}).Encode()
	out, changed, err := Run(module)
	if err != nil || changed || !bytes.Equal(out, module) {
		t.Errorf("changed %t, %v", changed, err)
	}
}

func TestRefusalsAreForAPerson(t *testing.T) {
	m, err := wasm.Decode(thrower())
	if err != nil {
		t.Fatal(err)
	}
	m.Tags, m.Imports = nil, []wasm.Import{{Module: "env", Name: "__cpp_exception", Kind: wasm.KindTag, Type: 1}}
	_, _, err = Run(m.Encode())
	if err == nil || !strings.Contains(err.Error(), "env.__cpp_exception") || !strings.Contains(err.Error(), "one module") {
		t.Errorf("%v", err)
	}
}

// Blocks in blocks cost no stack: a module that nests them deeply is checked and rewritten like any other.
func TestDeepNesting(t *testing.T) {
	const deep = 300_000
	body := bytes.Repeat([]byte{byte(wasm.OpBlock), 0x40}, deep)
	body = append(body, bytes.Repeat([]byte{byte(wasm.OpEnd)}, deep+1)...)
	m, err := wasm.Decode(thrower())
	if err != nil {
		t.Fatal(err)
	}
	m.Functions = append(m.Functions, wasm.Function{Body: body})
	done := make(chan error)
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	go func() { // on a stack of its own
		err := m.Validate()
		if err == nil {
			_, _, err = Run(m.Encode())
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
