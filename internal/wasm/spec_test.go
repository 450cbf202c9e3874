package wasm

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// specSuites are the parts of the standard's test suite, which comes with wazero's sources, that are about what we
// read.
var specSuites = []string{"v1", "v2", "threads", "tail-call", "extended-const", "exception-handling"}

// accepted are reasons for which the suite calls modules invalid that we take on purpose: later versions of the
// standard do, or Features names them.
var accepted = []string{
	"multiple memories",
	"multiple tables",
	"invalid result arity",
	"constant expression required",             // extended constant expressions, and later
	"unknown global",                           // a global may use those before it
	"zero byte expected", "zero flag expected", // where indices of memories and tables stand now
}

// acceptedFiles are single modules of that kind.
var acceptedFiles = map[string]bool{
	"v1/unreached-invalid.87.wasm": true, // br_table to labels of different types in unreachable code
	"v1/binary-leb128.40.wasm":     true, // offsets of accesses may take ten bytes since memories of 64 bits
	"v1/binary-leb128.43.wasm":     true,
}

type specCommand struct {
	Type, Filename, Text string
	Line                 int
	ModuleType           string `json:"module_type"`
}

// TestSpecSuite holds Decode, Validate and Encode against the standard's own suite: every valid module is accepted and
// survives encoding, every invalid one is refused.
func TestSpecSuite(t *testing.T) {
	root := filepath.Join(wazeroSources(t), "internal", "integration_test", "spectest")
	for _, suite := range specSuites {
		files, err := filepath.Glob(filepath.Join(root, suite, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in suite %s: %v", suite, err)
		}
		valid, refused := 0, 0
		for _, file := range files {
			for _, c := range readSpec(t, file) {
				v, r := checkSpec(t, suite, filepath.Dir(file), c)
				valid, refused = valid+v, refused+r
			}
		}
		t.Logf("%s: %d valid modules, %d refused", suite, valid, refused)
	}
}

func readSpec(t *testing.T, file string) []specCommand {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var script struct{ Commands []specCommand }
	if err := json.Unmarshal(text, &script); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return script.Commands
}

func checkSpec(t *testing.T, suite, dir string, c specCommand) (valid, refused int) {
	if !strings.HasSuffix(c.Filename, ".wasm") {
		return 0, 0
	}
	data, err := os.ReadFile(filepath.Join(dir, c.Filename))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(data)
	if err == nil {
		err = m.Validate()
	}
	switch c.Type {
	case "module", "assert_unlinkable", "assert_uninstantiable":
		if err != nil && strings.Contains(err.Error(), "which are not supported") ||
			err != nil && strings.Contains(err.Error(), "which is not supported") {
			return 0, 1
		}
		if err != nil {
			t.Errorf("%s/%s: %v", suite, c.Filename, err)
			return 0, 0
		}
		checkRoundTrip(t, suite+"/"+c.Filename, m)
		return 1, 0
	case "assert_invalid", "assert_malformed":
		if err != nil {
			return 0, 1
		}
		for _, text := range accepted {
			if strings.Contains(c.Text, text) {
				return 0, 0
			}
		}
		if acceptedFiles[suite+"/"+c.Filename] {
			return 0, 0
		}
		t.Errorf("%s/%s: accepted, though line %d says %q", suite, c.Filename, c.Line, c.Text)
	}
	return 0, 0
}

// checkRoundTrip encodes the module, decodes that, and expects the same module and the same bytes once more. Every
// instruction is rewritten from its decoded form, too, and must still say the same.
func checkRoundTrip(t *testing.T, name string, m *Module) {
	t.Helper()
	encoded := m.Encode()
	again, err := Decode(encoded)
	if err != nil {
		t.Errorf("%s: what Encode wrote: %v", name, err)
		return
	}
	for i := range again.Functions { // where bodies stand may differ
		again.Functions[i].Offset = m.Functions[i].Offset
	}
	for i := range again.Customs { // an empty section before it is not written again
		again.Customs[i].After = m.Customs[i].After
	}
	again.codeOffset = m.codeOffset // where it stood, which is nothing that it is
	for i := range min(len(m.Customs), len(again.Customs)) {
		again.Customs[i].Offset = m.Customs[i].Offset
	}
	if !reflect.DeepEqual(m, again) {
		t.Errorf("%s: another module after encoding", name)
	}
	if string(again.Encode()) != string(encoded) {
		t.Errorf("%s: other bytes after encoding twice", name)
	}
	for i := range m.Functions {
		checkRewrite(t, name, m.Functions[i].Body)
	}
}

// checkRewrite writes each instruction anew from what the Reader says of it, and reads that back.
func checkRewrite(t *testing.T, name string, body Expr) {
	t.Helper()
	var code Code
	for r := NewReader(body); r.Next(); {
		code.Instr(&r.Instr)
	}
	a, b := NewReader(body), NewReader(Expr(code))
	for a.Next() {
		if !b.Next() {
			t.Errorf("%s: %s is lost in rewriting: %v", name, a.Instr.Op, b.Err())
			return
		}
		x, y := a.Instr, b.Instr
		x.Start, x.End, y.Start, y.End = 0, 0, 0, 0
		if !reflect.DeepEqual(x, y) {
			t.Errorf("%s: %+v became %+v", name, x, y)
			return
		}
	}
	if b.Next() {
		t.Errorf("%s: rewriting added %s", name, b.Instr.Op)
	}
}

// wazeroSources is where the sources of wazero are, as the go command has them.
func wazeroSources(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("go list does not say where wazero is: %v", err)
	}
	return dir
}
