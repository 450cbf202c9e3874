package profile

import (
	"reflect"
	"strings"
	"testing"
)

// job is one process's part of a job.
func job(ranks ...int) *Job {
	j := &Job{Version: Version}
	for _, r := range ranks {
		j.Ranks = append(j.Ranks, Rank{Rank: r, Program: "a.wasm", Wall: 10, MPI: 3, Threads: 1, Finalized: true,
			Functions: []Function{{"MPI_Send", 2, 3, 8, 0}}, Sent: []Sent{{r + 1, 2, 8}}})
	}
	return j
}

func TestForm(t *testing.T) {
	const golden = `{"version":1,"ranks":[
{"rank":0,"program":"a.wasm","wall_ns":10,"mpi_ns":3,"threads":1,"finalized":true,"functions":[{"name":"MPI_Send","calls":2,"time_ns":3,"sent_bytes":8,"received_bytes":0}],"sent":[{"to":1,"messages":2,"bytes":8}]},
{"rank":1,"program":"a.wasm","wall_ns":10,"mpi_ns":3,"threads":1,"finalized":true,"functions":[{"name":"MPI_Send","calls":2,"time_ns":3,"sent_bytes":8,"received_bytes":0}],"sent":[{"to":2,"messages":2,"bytes":8}]}
]}
`
	b := job(0, 1).Encode()
	if string(b) != golden {
		t.Errorf("the form is\n%s", b)
	}
	back, err := Decode([]byte(string(job(5).Encode()) + golden))
	if err != nil || !reflect.DeepEqual(back, job(0, 1)) {
		t.Errorf("decoded %+v, %v", back, err)
	}
	if back, err := Decode((&Job{Version: Version}).Encode()); err != nil || len(back.Ranks) != 0 {
		t.Errorf("of no ranks %+v, %v", back, err)
	}
}

func TestMerge(t *testing.T) {
	j := job(2, 3)
	j.Merge(job(0, 1))
	if !reflect.DeepEqual(j, job(0, 1, 2, 3)) {
		t.Errorf("merged %+v", j)
	}
}

func TestBadForm(t *testing.T) {
	whole := string(job(0).Encode())
	for _, text := range []string{"", "{", whole[:len(whole)-4], strings.Replace(whole, `"version":1`, `"version":2`, 1),
		whole + "}"} {
		if j, err := Decode([]byte(text)); err == nil {
			t.Errorf("%q was taken as %+v", text, j)
		}
	}
}
