package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

// What is written record by record is what the whole array would be.
func TestPrintJSON(t *testing.T) {
	index := uint32(3)
	for _, records := range [][]jobRecord{nil, {{ID: 1, Name: "<a & b>"}},
		{{ID: 1}, {ID: 2, Nodes: []string{"n1", "n2"}, ArrayIndex: &index}, {ID: 3}}} {
		var got, want bytes.Buffer
		if err := cli.PrintJSON(&got, records); err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(&want)
		e.SetIndent("", "  ")
		if records == nil {
			records = []jobRecord{}
		}
		if e.Encode(records); got.String() != want.String() {
			t.Errorf("%s\nand not\n%s", got.String(), want.String())
		}
	}
	if err := cli.PrintJSON(failing{}, []int{1}); !errors.Is(err, errFailing) {
		t.Errorf("a writer that fails: %v", err)
	}
	if err := cli.Table(failing{}, "A B", [][]string{{"1", "2"}}); !errors.Is(err, errFailing) {
		t.Errorf("a writer that fails: %v", err)
	}
}

var errFailing = errors.New("no space left")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }
