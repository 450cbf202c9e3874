package mpi

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/mpi/state"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// everything has a rank, the first of four, make and begin one of everything that its state can hold. All is called on
// one goroutine, and no call waits: so the state is the same each time.
func everything(t testing.TB) (w *World, g *guest) {
	defer func(before bool) { byMessages = before }(byMessages)
	byMessages = false
	w, guests := newGuests(t, WorldConfig{Size: 4, Node: "node", Unwatched: true}, guestMemory)
	g = guests[0]
	for _, g := range guests {
		g.must("Init", 0, 0)
	}
	for i := range uint32(9) {
		g.results[1000+i] = func(args ...uint64) int32 { return 0 }
		g.table[1000+i] = func(args ...uint64) {}
	}
	handles := makeByMessages(guests)
	makeObjects(g)
	makeComms(g)
	makeRequests(g)
	for _, i := range []int{3, 0} { // another rank comes first
		makeScheduled(guests[i], handles[i])
	}
	sendTo(guests)
	return w, g
}

// made is the handle that a function writes at its last argument.
func (g *guest) made(name string, arguments ...any) uint32 {
	out := g.alloc(wordSize)
	g.must(name, append(arguments, out)...)
	return uint32(g.word(out, 0))
}

// free frees an object by its handle.
func (g *guest) free(name string, handle uint32) { g.must(name, g.words(int(handle))) }

func makeObjects(g *guest) {
	keys := g.ints(0, 0, 0, 0)
	for i := range uint32(3) {
		g.must("Comm_create_keyval", 1000, 1001, keys+4*i, 77+int(i))
	}
	g.must("Type_create_keyval", 1, 0, keys+12, 0)
	g.must("Comm_set_attr", tWorld, g.int(keys, 0), 0x1234)
	g.must("Comm_set_attr", tWorld, g.int(keys, 1), 0x5678)
	g.must("Comm_free_keyval", g.ints(g.int(keys, 1))) // in use
	g.must("Comm_free_keyval", g.ints(g.int(keys, 2))) // gone
	flag := g.alloc(16)
	g.must("Comm_get_attr", tWorld, 501, flag, flag+8)

	vector := g.made("Type_vector", 3, 2, 5, tInt)
	g.must("Type_commit", g.words(int(vector)))
	g.must("Type_set_name", vector, g.cstring("pairs \xff"))
	g.must("Type_set_attr", vector, g.int(keys, 3), 9)
	inner := g.made("Type_contiguous", 2, vector)
	of := g.made("Type_create_struct", 2, g.ints(1, 2), g.words(0, 64), g.words(int(inner), tDouble))
	g.must("Type_commit", g.words(int(of)))
	g.free("Type_free", inner) // the structure still is of it
	g.made("Type_create_f90_real", 15, 300)
	g.made("Type_dup", of)
	g.must("Type_set_name", tInt, g.cstring("mine"))

	g.made("Op_create", 1002, 1)
	g.free("Op_free", g.made("Op_create", 1003, 0))
	g.made("Group_incl", g.made("Comm_group", tWorld), 2, g.ints(3, 0))
	infos := []uint32{g.made("Info_create"), g.made("Info_create"), g.made("Info_create")}
	g.must("Info_set", infos[1], g.cstring("key"), g.cstring("value \xfe"))
	g.free("Info_free", infos[0])
	class := g.ints(0, 0)
	g.must("Add_error_class", class)
	g.must("Add_error_code", g.int(class, 0), class+4)
	g.must("Add_error_string", g.int(class, 1), g.cstring("broken"))
	g.made("Alloc_mem", 1000, infoNull)
	g.must("Buffer_attach", g.alloc(8192), 8192)
}

func makeComms(g *guest) {
	handler := g.made("Comm_create_errhandler", 1004)
	g.must("Comm_set_errhandler", tWorld, handler)
	g.free("Errhandler_free", handler) // the communicator still has it
	g.must("Comm_set_errhandler", tSelf, errorsReturn)
	self := g.newcomm("Comm_dup", tSelf)
	g.must("Comm_set_name", self, g.cstring("alone"))
	g.must("Comm_set_info", self, g.made("Info_create"))
	g.must("Comm_attach_buffer", self, 2, 0) // an automatic one
	grid := g.newcomm("Cart_create", self, 2, g.ints(1, 1), g.ints(0, 1), 0)
	g.newcomm("Graph_create", self, 1, g.ints(2), g.ints(0, 0), 0)
	g.newcomm("Dist_graph_create_adjacent", self, 1, g.ints(0), g.ints(4), 1, g.ints(0), g.ints(5), infoNull, 0)
	g.newcomm("Comm_dup", grid)
	g.free("Comm_free", g.newcomm("Comm_dup", tSelf))
	freed := g.newcomm("Comm_dup", tSelf)
	g.made("Irecv", g.alloc(8), 1, tInt, 0, 1, freed)
	g.free("Comm_free", freed)
	for range 3 { // three rounds of slots, of which the others have come to one
		g.must("Bcast", g.ints(1, 2), 2, tInt, 0, tWorld)
	}
	g.rank.worldComm.seen = 1
}

func makeRequests(g *guest) {
	large, small := g.alloc(40000), g.alloc(64)
	g.made("Irecv", small, 4, tInt, tAnySource, tAnyTag, tWorld)
	for tag := range 3 {
		g.made("Irecv", small, 4, tInt, 1, 100+tag, tWorld)
	}
	g.made("Isend", large, 10000, tInt, 1, 5, tWorld)
	g.made("Issend", small, 1, tInt, 2, 6, tWorld)
	g.made("Isend", small, 4, tInt, 2, 7, tWorld) // it is done
	g.must("Bsend", large, 1000, tInt, 1, 8, tWorld)
	orphan := g.made("Isend", large, 10000, tInt, 3, 9, tWorld)
	g.must("Request_free", g.words(int(orphan)))
	g.made("Buffer_iflush")
	g.made("Ssend_init", small, 2, tInt, 3, 1, tWorld)
	started := g.made("Recv_init", small, 2, tInt, 3, 1, tWorld)
	g.must("Start", g.words(int(started)))
	g.made("Isendrecv", large, 10000, tInt, 1, 3, small, 1, tInt, 1, 3, tWorld)
	g.made("Isendrecv_replace", small, 2, tInt, 2, 3, 2, 3, tWorld)
	g.made("Isend", small, 0, tInt, tNull, 0, tWorld)
	g.made("Grequest_start", 1005, 1006, 1007, 5)
	completed := g.made("Grequest_start", 1005, 1006, 1007, 6)
	g.must("Grequest_complete", completed)
	freed := g.made("Grequest_start", 1005, 1006, 1007, 7)
	g.must("Request_free", g.words(int(freed)))
	op := uint32(kindOp)<<kindShift | 0
	g.made("Iallreduce", small, large, 2, tInt, tSum, tWorld)
	g.made("Ireduce_scatter_block", inPlace, small, 1, tInt, op, tWorld) // what it sends is a copy
	g.made("Ialltoallv", small, g.ints(1, 1, 1, 1), g.ints(0, 1, 2, 3), tInt, large, g.ints(1, 1, 1, 1),
		g.ints(0, 2, 4, 6), tInt, tWorld)
	g.made("Barrier_init", tSelf, infoNull)
	g.made("Allreduce_init", small, large, 2, tInt, op, tWorld, infoNull)
	g.must("Start", g.words(int(g.made("Bcast_init", small, 2, tInt, 3, tWorld, infoNull))))
	child := g.alloc(wordSize)
	g.made("Comm_idup", tWorld, child)
	g.made("Comm_idup", tSelf, child) // it is done, and the program does not know
}

// makeByMessages makes a communicator of all whose collectives go by messages.
func makeByMessages(guests []*guest) (handles []uint32) {
	var out, requests []uint32
	for _, g := range guests {
		out = append(out, g.alloc(wordSize))
		requests = append(requests, g.made("Comm_idup", tWorld, out[g.me]))
	}
	for _, g := range guests {
		g.must("Wait", g.words(int(requests[g.me])), 0)
		handles = append(handles, uint32(g.word(out[g.me], 0)))
		c, _ := g.rank.comm(handles[g.me])
		c.byMessages, c.group = true, g.rank.worldComm.group
	}
	return handles
}

// makeScheduled begins collectives by messages.
func makeScheduled(g *guest, c uint32) {
	buf, large := g.alloc(64), g.alloc(40000)
	op := g.made("Op_create", 1002, 0)
	vector := g.made("Type_vector", 3, 1, 2, tInt)
	g.must("Type_commit", g.words(int(vector)))
	g.made("Iallreduce", buf, buf+32, 2, tInt, op, c)
	g.made("Ialltoall", large, 1000, tInt, large+20000, 1000, tInt, c)
	g.made("Ibcast", buf, 1, vector, 2, c)
	g.made("Ireduce_scatter", large, large+20000, g.ints(1, 2, 3, 4), tInt, tSum, c)
	g.must("Start", g.words(int(g.made("Exscan_init", buf, buf+32, 2, tInt, tMax, c, infoNull))))
	g.must("Start", g.words(int(g.made("Allgather_init", buf, 2, tInt, large, 2, tInt, c, infoNull))))
	g.made("Barrier_init", c, infoNull)
}

// sendTo has the other ranks send to the first, which takes two of the messages by matched probes.
func sendTo(guests []*guest) {
	for i, g := range guests[1:] {
		g.made("Isend", g.ints(i, 2, 3), 3, tInt, 0, 20, tWorld)
		g.made("Isend", g.alloc(3000), 700, tInt, 0, 21, tWorld)
		g.made("Isend", g.alloc(40000), 10000, tInt, 0, 22, tWorld)
		g.made("Issend", g.alloc(400), 0, tInt, 0, 23, tWorld)
	}
	g := guests[0]
	out := g.alloc(64)
	for tag := 21; tag <= 22; tag++ {
		g.must("Improbe", 2, tag, tWorld, out, out+8, out+16)
		want(g, "a message is there", g.int(out, 0), 1)
	}
	g.must("Improbe", 3, 20, tWorld, out, out+8, out+16)
	g.must("Mrecv", g.alloc(12), 3, tInt, out+8, 0) // its handle goes
}

// encoded gives the rank's state.
func (g *guest) encoded() []byte {
	var out []byte
	var failed error
	_ = g.rank.endpoint.Replace(nil, nil, func(e transport.State) (transport.State, []*transport.Operation, error) {
		out, _, failed = g.rank.encode(e)
		return e, nil, errChecked // nothing is replaced
	})
	if failed != nil {
		g.t.Fatal(failed)
	}
	return out
}

// A rank that was dropped and decoded has the same state, in other objects.
func TestReload(t *testing.T) {
	w, g := everything(t)
	defer w.Close()
	before, worldComm := g.encoded(), g.rank.worldComm
	for range 2 {
		if done, err := g.thread.reload(); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	if g.rank.worldComm == worldComm {
		t.Error("an object is still there")
	}
	if after := g.encoded(); !bytes.Equal(before, after) {
		t.Error("the state is another one")
	}
}

var newGolden = flag.Bool("new-golden", false, "write the golden file of MPI state, if a section has a new version")

// What a rank's state is as bytes: testdata/state has an encoding for each set of versions that sections had, with one
// of everything. Today's is what the program above gives; the earlier ones are read for ever. Who changes what a
// section says raises its version, and writes the new file by
//
//	go test ./mpi -run TestGoldenState -new-golden
//
// A file of versions that no release had may be deleted first.
func TestGoldenState(t *testing.T) {
	w, g := everything(t)
	defer w.Close()
	now := g.encoded()
	files, err := filepath.Glob("testdata/state/*")
	if err != nil {
		t.Fatal(err)
	}
	known := false
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := state.Read(b, stateVersions)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if maps.Equal(s.Versions(), stateVersions) {
			known = true
			if !bytes.Equal(b, now) {
				t.Errorf("the state is encoded otherwise than in %s: raise the version of the section", path)
			}
		}
		if _, err := decodeElsewhere(t, b); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	switch path := fmt.Sprintf("testdata/state/%d", len(files)+1); {
	case known:
	case !*newGolden:
		t.Error("there is no golden file for the versions of the sections; the test says how to write it")
	default:
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// decodeElsewhere decodes a state of the first of four ranks in a process that knows nothing of it.
func decodeElsewhere(t testing.TB, b []byte) (*decoded, error) {
	w, guests := newGuests(t, WorldConfig{Size: 4, Node: "node", Unwatched: true}, guestMemory+heapStep)
	defer w.Close()
	sets := map[string]*instances{}
	return guests[0].rank.decode(b, func(context uint32, name string, size int) *instances {
		key := fmt.Sprint(context, name)
		if sets[key] == nil {
			sets[key] = newInstances(size)
		}
		return sets[key]
	})
}

// sectionMessages are the messages of an encoding, by sections.
func sectionMessages(t testing.TB, b []byte) map[string]proto.Message {
	messages := map[string]proto.Message{state.GroupsSection: new(statepb.Groups), state.TypesSection: new(statepb.Types),
		objectsSection: new(statepb.Objects), commsSection: new(statepb.Comms), processSection: new(statepb.Process),
		requestsSection: new(statepb.Requests), messagesSection: new(statepb.Messages), threadsSection: new(statepb.Threads)}
	s, err := state.Read(b, stateVersions)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range messages {
		if _, err := s.Get(name, m); err != nil {
			t.Fatal(err)
		}
	}
	return messages
}

// FuzzDecode decodes states of which one section is anything: it is refused or read, in memory as its size asks for.
// What is read takes the place of a rank's state, or is refused there.
func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile("testdata/state/3")
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range forgedSenders(f, golden) {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(messagesSection, b)
	}
	for name, m := range sectionMessages(f, golden) {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, b)
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		messages := sectionMessages(t, golden)
		m := messages[name]
		if m == nil || proto.Unmarshal(b, m) != nil {
			return
		}
		w := state.Writer{Versions: stateVersions}
		for name, m := range messages {
			w.Add(name, m)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		encoded := w.Bytes()
		_, err := decodeElsewhere(t, encoded)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil && took > 16<<20+2000*uint64(len(b)) {
			t.Errorf("%d bytes took %d", len(b), took)
		}
		if err == nil {
			_ = replacedBy(t, encoded)
		}
	})
}

// replacedBy puts a state in place of that of a rank which has everything, and gives what it is refused with.
func replacedBy(t testing.TB, b []byte) error {
	w, g := everything(t)
	defer w.Close()
	out, ok := g.rank.withdrawParts()
	if !ok {
		t.Fatal("a collective is over")
	}
	defer g.thread.arriveAgain(out)
	sends, receives := g.rank.unfinished()
	return g.rank.endpoint.Replace(sends, receives, func(e transport.State) (transport.State, []*transport.Operation,
		error) {
		_, sets, err := g.rank.encode(e)
		if err != nil {
			t.Fatal(err)
		}
		next, err := g.rank.decode(b, sets.find)
		if err != nil {
			return e, nil, err
		}
		return next.endpoint, next.operations, nil
	})
}

// forgedSenders are the messages of an encoding, each with one that names a send that is not there.
func forgedSenders(t testing.TB, b []byte) (forged []*statepb.Messages) {
	for i, m := range sectionMessages(t, b)[messagesSection].(*statepb.Messages).Unexpected {
		if m.Sender == nil {
			continue
		}
		for _, forge := range []func(m *statepb.Message){
			func(m *statepb.Message) { m.Sender.Generation++ },
			func(m *statepb.Message) { m.Sender.Slot = 1 << 30 },
			func(m *statepb.Message) { m.Sender.Slot++ },
			func(m *statepb.Message) { m.Serial++ },
			func(m *statepb.Message) { m.Sender.Rank = (m.Sender.Rank + 1) % 4 },
		} {
			all := sectionMessages(t, b)[messagesSection].(*statepb.Messages)
			forge(all.Unexpected[i])
			forged = append(forged, all)
		}
	}
	return forged
}

// A state that decodes, and names sends that are not those under way, is refused before anybody looks for them.
func TestForgedSenders(t *testing.T) {
	b, err := os.ReadFile("testdata/state/3")
	if err != nil {
		t.Fatal(err)
	}
	if err := replacedBy(t, b); err != nil {
		t.Errorf("the state as it was is refused: %v", err)
	}
	forged := forgedSenders(t, b)
	if len(forged) == 0 {
		t.Fatal("no message has a sender")
	}
	for i, m := range forged {
		out := state.Writer{Versions: stateVersions}
		for name, other := range sectionMessages(t, b) {
			if name == messagesSection {
				other = m
			}
			out.Add(name, other)
		}
		encoded := out.Bytes()
		if _, err := decodeElsewhere(t, encoded); err != nil {
			t.Errorf("state %d does not decode: %v", i, err)
		}
		if err := replacedBy(t, encoded); err == nil || !strings.Contains(err.Error(), "names a send of rank") {
			t.Errorf("state %d: refused with %v", i, err)
		}
	}
}

// States of which some bytes of one section are others: none ends in a panic, and who refuses one names the section.
func TestChangedPayloads(t *testing.T) {
	golden, err := os.ReadFile("testdata/state/2")
	if err != nil {
		t.Fatal(err)
	}
	w, guests := newGuests(t, WorldConfig{Size: 4, Node: "node", Unwatched: true}, guestMemory+heapStep)
	defer w.Close()
	names := slices.Sorted(maps.Keys(stateVersions))
	refused := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		messages := sectionMessages(t, golden)
		name := names[rng.IntN(len(names))]
		b, err := proto.Marshal(messages[name])
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] = byte(rng.IntN(256))
		}
		if proto.Unmarshal(b, messages[name]) != nil {
			continue
		}
		out := state.Writer{Versions: stateVersions}
		for _, name := range names {
			out.Add(name, messages[name])
		}
		sets := map[string]*instances{}
		_, err = guests[0].rank.decode(out.Bytes(), func(context uint32, name string, size int) *instances {
			key := fmt.Sprint(context, name)
			if sets[key] == nil {
				sets[key] = newInstances(size)
			}
			return sets[key]
		})
		if err != nil && !strings.Contains(err.Error(), "section \"") {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err != nil {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("%d states were refused", refused)
	}
}

// Ranks that are dropped and decoded wherever they wait come to the same results; and they are, with what they have
// begun.
func TestRandomProgramsReloaded(t *testing.T) {
	defer breaks(ResumeEvery{every: 1})()
	for _, seed := range []uint64{1, 4, 11, 16} {
		reloaded := make([]int, 17)
		play(t, 1+int(seed), func(g *guest) {
			g.walk(seed)
			reloaded[g.me] = g.thread.resume.reloaded
		})
		for rank := range 1 + int(seed) {
			if reloaded[rank] == 0 {
				t.Errorf("seed %d: rank %d was never reloaded", seed, rank)
			}
		}
	}
}

// A rank is reloaded within a call that has requests of its own, or an agreement under way, which nothing else refers
// to.
func TestReloadOfPending(t *testing.T) {
	for name, waits := range map[string]func(g *guest){
		"Sendrecv_replace": func(g *guest) {
			g.must("Sendrecv_replace", g.ints(7, 8), 2, tInt, 1-g.me, 3, 1-g.me, 3, tWorld, 0)
		},
		"Comm_split":        func(g *guest) { g.newcomm("Comm_split", tWorld, 1, -g.me) },
		"Comm_create_group": func(g *guest) { g.newcomm("Comm_create_group", tWorld, g.made("Comm_group", tWorld), 4) },
		"Intercomm_create": func(g *guest) {
			local := g.newcomm("Comm_split", tSelf, 0, 0)
			g.newcomm("Intercomm_create", local, 0, tWorld, 1-g.me, 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer breaks(never)()
			play(t, 2, func(g *guest) {
				if g.me == 0 {
					waits(g)
					if g.thread.resume.reloaded == 0 {
						t.Error("the rank was not reloaded")
					}
					return
				}
				zero := g.rank.world.ranks[0]
				g.waitParked(0)
				zero.main.Suspend()
				g.waitUntil("it is broken off", func() bool { return !zero.main.toSuspend.Load() })
				g.waitParked(0)
				waits(g)
			})
		})
	}
}

// crowded is a rank with a thousand requests and as many unexpected messages.
func crowded(b *testing.B) (*World, *guest) {
	w, guests := newGuests(b, WorldConfig{Size: 2, Node: "node", Unwatched: true}, guestMemory)
	g, other := guests[0], guests[1]
	g.must("Init", 0, 0)
	other.must("Init", 0, 0)
	buf := g.alloc(4000)
	for i := range 1000 {
		g.made("Irecv", buf, 8, tInt, 1, 10000+i, tWorld)
		other.must("Send", other.alloc(16), 2, tInt, 0, i, tWorld)
	}
	g.rank.endpoint.Read()
	return w, g
}

func BenchmarkEncode(b *testing.B) {
	w, g := crowded(b)
	defer w.Close()
	e := g.rank.endpoint
	var out []byte
	_ = e.Replace(nil, nil, func(s transport.State) (transport.State, []*transport.Operation, error) {
		for b.Loop() {
			out, _, _ = g.rank.encode(s)
		}
		return s, nil, errChecked
	})
	b.ReportMetric(float64(len(out)), "bytes")
}

func BenchmarkDecode(b *testing.B) {
	w, g := crowded(b)
	defer w.Close()
	encoded := g.encoded()
	sets := knownInstances{byContext: map[uint32]*instances{worldContext: g.rank.worldComm.instances,
		selfContext: g.rank.self.instances}}
	for b.Loop() {
		if _, err := g.rank.decode(encoded, sets.find); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdle encodes a rank as LULESH has one between two steps: 26 neighbours, whose requests are complete, and a
// reduction in MPI_COMM_WORLD.
func BenchmarkIdle(b *testing.B) {
	w, guests := newGuests(b, WorldConfig{Size: 27, Node: "node", Unwatched: true}, guestMemory)
	defer w.Close()
	for _, g := range guests {
		g.must("Init", 0, 0)
	}
	g := guests[0]
	buf := g.alloc(40000)
	requests := g.alloc(26 * 2 * wordSize)
	for i := range uint32(26) {
		g.must("Irecv", buf, 1000, tDouble, 1+int(i), 1024, tWorld, requests+wordSize*i)
		g.must("Isend", buf, 1000, tDouble, 1+int(i), 1024, tWorld, requests+wordSize*(26+i))
		guests[1+i].must("Send", guests[1+i].alloc(8000), 1000, tDouble, 0, 1024, tWorld)
	}
	g.must("Waitall", 52, requests, 0)
	for b.Loop() {
		g.encoded()
	}
	b.ReportMetric(float64(len(g.encoded())), "bytes")
}

// A state whose messages name sends of others that are not theirs, or whose receives are posted otherwise than their
// requests say, is refused by name when the rank is to go on with it: nobody looks for a send that does not exist, and
// no receive waits that no message can find.
func TestForgedState(t *testing.T) {
	for name, c := range map[string]struct {
		forge func(*statepb.Messages, *statepb.Requests)
		want  string
	}{
		"as it was": {func(*statepb.Messages, *statepb.Requests) {}, ""},
		"rank": {func(m *statepb.Messages, _ *statepb.Requests) { ofSender(m.Unexpected).Rank = 1 << 31 },
			"a message whose data rank -2147483648 has"},
		"slot": {func(m *statepb.Messages, _ *statepb.Requests) { ofSender(m.Unexpected).Slot = 1 << 20 },
			"unexpected message"},
		"generation": {func(m *statepb.Messages, _ *statepb.Requests) { ofSender(m.Extracted).Generation += 7 },
			"extracted message"},
		"serial": {func(m *statepb.Messages, _ *statepb.Requests) { m.Unexpected[0].Serial++ }, ""}, // it has its data
		"twice": {func(m *statepb.Messages, _ *statepb.Requests) {
			proto.Reset(ofSender(m.Unexpected))
			proto.Merge(ofSender(m.Unexpected), ofSender(m.Extracted))
		}, "has a message already"},
		"posted": {func(m *statepb.Messages, _ *statepb.Requests) { m.Posted[0].Key.Tag++ },
			"section \"messages\""},
		"not posted": {func(m *statepb.Messages, _ *statepb.Requests) { m.Posted = m.Posted[1:] }, "is not posted"},
		"done": {func(_ *statepb.Messages, q *statepb.Requests) { sendUnderWay(q).Done = true },
			"has become another"},
		"undone": {func(_ *statepb.Messages, q *statepb.Requests) { sendUnderWay(q).Generation++ },
			"section \"requests\""},
	} {
		t.Run(name, func(t *testing.T) {
			w, g := everything(t)
			defer w.Close()
			r := g.rank
			out, ok := r.withdrawParts()
			if !ok {
				t.Fatal("a collective is over")
			}
			defer g.thread.arriveAgain(out)
			sends, receives := r.unfinished()
			err := r.endpoint.Replace(sends, receives, func(e transport.State) (transport.State, []*transport.Operation,
				error) {
				b, sets, err := r.encode(e)
				if err != nil {
					return e, nil, err
				}
				messages := sectionMessages(t, b)
				c.forge(messages[messagesSection].(*statepb.Messages), messages[requestsSection].(*statepb.Requests))
				forged := state.Writer{Versions: stateVersions}
				for name, m := range messages {
					forged.Add(name, m)
				}
				next, err := r.decode(forged.Bytes(), sets.find)
				if err != nil {
					return e, nil, err
				}
				return next.endpoint, next.operations, nil
			})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("refused with %v, not with %q", err, c.want)
			}
		})
	}
}

// ofSender is the first message's sender that names one.
func ofSender(list []*statepb.Message) *statepb.Operation {
	for _, m := range list {
		if m.Sender != nil {
			return m.Sender
		}
	}
	panic("no message names a sender")
}

// sendUnderWay is a send that has not ended.
func sendUnderWay(m *statepb.Requests) *statepb.Request {
	for _, q := range m.Requests {
		if requestKind(q.Kind) == requestSend && !q.Done {
			return q
		}
	}
	panic("no send is under way")
}
