package lower

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// nodeRun runs modules as they are, for an engine with 64-bit memories: f of each, by each set of arguments, then the
// memory. It prints a line of JSON a module.
const nodeRun = `
const fs = require('fs'), crypto = require('crypto');
const calls = JSON.parse(process.argv[2]);
for (const file of process.argv.slice(3)) {
  const {f, memory} = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file))).exports;
  const results = calls.map(([a, b, c]) => {
    try {
      return BigInt.asUintN(64, f(BigInt(a), BigInt(b), Number(c))).toString();
    } catch (e) {
      if (e instanceof WebAssembly.RuntimeError) return e.message;
      throw e;
    }
  });
  const sum = crypto.createHash('sha256').update(new Uint8Array(memory.buffer)).digest('hex');
  console.log(JSON.stringify({results, pages: memory.buffer.byteLength / 65536, sum}));
}
`

// nodeTraps are wazero's words for traps by those of V8, which has one for two of them.
var nodeTraps = map[string][]string{
	"memory access out of bounds":                  {"out of bounds memory access"},
	"table index is out of bounds":                 {"invalid table access"},
	"null function or function signature mismatch": {"invalid table access", "indirect call type mismatch"},
	"divide by zero":                               {"integer divide by zero"},
	"remainder by zero":                            {"integer divide by zero"},
	"divide result unrepresentable":                {"integer overflow"},
	"float unrepresentable in integer range":       {"invalid conversion to integer", "integer overflow"},
	"unreachable":                                  {"unreachable"},
}

// oldestNode is the first version of Node.js whose engine has memories and tables of 64 bits without being asked.
const oldestNode = 24

// nodeWith64 finds a Node.js that has them: $FAASMRUN_NODE, or node on the PATH.
func nodeWith64(t *testing.T) string {
	t.Helper()
	name := os.Getenv("FAASMRUN_NODE")
	if name == "" {
		name = "node"
	}
	said, err := exec.Command(name, "--version").Output()
	if err != nil {
		t.Skipf("no Node.js: %v", err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(string(said), "v"), ".")
	if n, err := strconv.Atoi(version); err != nil || n < oldestNode {
		t.Skipf("%s is of version %s, without memories of 64 bits; $FAASMRUN_NODE names another", name, bytes.TrimSpace(said))
	}
	return name
}

// TestBesideNode runs random programs lowered, with addresses checked, and as they were compiled on an engine with
// memories and tables of 64 bits: results, traps and memories are the same.
func TestBesideNode(t *testing.T) {
	node := nodeWith64(t)
	const programs = 400
	calls := [][]uint64{{0, 1, 2}, {64, 1 << 16, 3}, {1<<32 + 8, 1 << 63, 1 << 31}}
	var words [][3]string
	for _, c := range calls {
		words = append(words, [3]string{fmt.Sprint(c[0]), fmt.Sprint(c[1]), fmt.Sprint(c[2])})
	}
	arguments, err := json.Marshal(words)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "run.js")
	if err := os.WriteFile(script, []byte(nodeRun), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{script, string(arguments)}
	for seed := range uint64(programs) {
		wide, _ := generateAs(seed, true)
		args = append(args, filepath.Join(dir, fmt.Sprint(seed, ".wasm")))
		if err := os.WriteFile(args[len(args)-1], wide.Encode(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(node, args...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	said, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if len(lines) != programs {
		t.Fatalf("%d lines of %d programs", len(lines), programs)
	}
	trapped, returned := 0, 0
	for seed := range uint64(programs) {
		var natively struct {
			Results []string
			Pages   uint32
			Sum     string
		}
		if err := json.Unmarshal([]byte(lines[seed]), &natively); err != nil {
			t.Fatal(err)
		}
		wide, _ := generateAs(seed, true)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := instantiate(t, lowered(t, wide.Encode(), Options{Check: true}))
			for i, c := range calls {
				results, trap := call(m, "f", c...)
				want := natively.Results[i]
				if trap == "" {
					returned++
					if got := fmt.Sprint(results[0]); got != want {
						t.Errorf("of %d: %s, and %s as it was compiled", c, got, want)
					}
					continue
				}
				if trapped++; !slices.Contains(nodeTraps[want], trap) {
					t.Errorf("of %d: %s, and %s as it was compiled", c, trap, want)
				}
			}
			if pages, sum := memoryOf(m); pages != natively.Pages || sum != natively.Sum {
				t.Errorf("a memory of %d pages (%s), and of %d (%s) as it was compiled", pages, sum, natively.Pages, natively.Sum)
			}
		})
	}
	if trapped < programs/10 || returned < programs/10 {
		t.Errorf("%d calls trapped and %d returned: that shows little", trapped, returned)
	}
}

func memoryOf(m api.Module) (pages uint32, sum string) {
	size := m.Memory().Size()
	data, _ := m.Memory().Read(0, size)
	hash := sha256.Sum256(data)
	return size / page, hex.EncodeToString(hash[:])
}
