package mpi

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// stateFields says of every field of what a rank's state consists of which section of the encoding has it, or behind a
// dash why none has. Who adds a field adds it here, to the section, and to mpi/state/statepb/state.proto.
const stateFields = `
Rank.process         process
Rank.state           process
Rank.endpoint        messages
Rank.interrupted     - signals are the program's, not MPI's
Rank.world           - of the process that the rank is in
Rank.rank            - who restores a rank knows which
Rank.lowest          - the program's layout
Rank.ended           - a rank that is to end is not captured
Rank.over            - the same
Rank.several         - follows from the threads
Rank.multiple        - follows from the level
Rank.turn            - a lock
Rank.queued          - of the lock
Rank.inside          - no call is under way but one that was broken off
Rank.initThread      process
Rank.threadsMu       - a lock
Rank.threads         threads
Rank.stats           - counted where a rank runs
Rank.check           - a job that is checked is not encoded
Rank._               - padding
Rank.main            threads

Thread.Rank          - whose it is
Thread.parker        - how the thread waits in this process
Thread.number        threads
Thread.host          - of the process that the rank is in
Thread.counted       - of the process that the rank is in
Thread.waits         - outside MPI
Thread.holds         - of the lock
Thread.waiter        - how the thread waits in this process
Thread.parked        - of the wait that is under way
Thread.left          - so is its end
Thread.call          - for messages, until the next call
Thread.pending       threads
Thread.toSuspend     - who captures a rank says so
Thread.resumable     - of the call that is under way
Thread.suspending    - the same
Thread.resume        - of tests
Thread.nested        - nothing is captured within a function that MPI has called
Thread.apart         - of the counting
Thread.called        - of the counting
Thread.waiting       - scratch
Thread.draft         - scratch
Thread.steps         - scratch
Thread.spans         - scratch
Thread.mover         threads
Thread.reader        - scratch
Thread.own           - scratch
Thread.result        - scratch
Thread.waitStateMu   - a lock
Thread.waitState     - for messages, until the next wait
Thread.oneOf         - the same

process.threadLevel     process
process.contexts        process
process.worldComm       comms
process.self            comms
process.comms           comms
process.groups          groups
process.types           types
process.f90             process
process.ops             objects
process.messages        messages
process.errhandlers     objects
process.infos           objects
process.keyvals         process
process.freeKeyvals     process
process.errors          process
process.heap            process
process.attached        process
process.typeAttributes  process
process.typeNames       process
process.predefinedAt    process
process.requests        requests

pending.call     threads
pending.large    threads
pending.used     threads
pending.step     threads
pending.stage    threads
pending.send     threads
pending.receive  threads
pending.answer   threads
pending.named    threads
pending.in       threads

membership.set       threads
membership.sequence  threads
membership.member    threads

Contexts.rank   - the rank's number
Contexts.ranks  - the job's size
Contexts.next   process

table.objects     objects
table.generation  objects
table.free        objects
table.made        - of checking

comm.raiser      comms
comm.context     comms
comm.name        comms
comm.group       groups
comm.remote      groups
comm.rank        - follows from the group
comm.member      comms
comm.behind      comms
comm.sequence    comms
comm.round       comms
comm.past        comms
comm.seen        comms
comm.persistent  comms
comm.instances   - shared by its members, and found by its context; the rank's part in them is with its requests
comm.attributes  comms
comm.topology    comms
comm.info        comms
comm.attached    comms
comm.calling     - of the call that is under way
comm.freed       comms
comm.byMessages  comms

raiser.kind        - all are communicators so far
raiser.handle      comms
raiser.errhandler  comms

errhandler.kind      objects
errhandler.given     objects
errhandler.holds     objects
errhandler.handle    objects
errhandler.function  objects

Group.Ranks  groups

attribute.keyval  comms
attribute.value   comms

topology.kind     comms
topology.dims     comms
topology.periods  comms
topology.index    comms
topology.edges    comms
topology.in       comms
topology.out      comms

neighbours.ranks     comms
neighbours.weights   comms
neighbours.weighted  comms

info.keys    objects
info.values  objects

attached.address  process
attached.size     process
attached.heap     process
attached.areas    process
attached.on       process

heap.free     process
heap.used     process
area.address  process
area.size     process

f90Key.combiner  process
f90Key.p         process
f90Key.r         process

op.code         objects
op.commutative  objects
op.function     objects
op.large        objects

extracted.Extracted  messages
extracted.comm       messages

keyval.object  process
keyval.copy    process
keyval.del     process
keyval.extra   process
keyval.freed   process
keyval.uses    process
keyval.number  process

userErrors.codes   process
userError.class    process
userError.text     process
userError.removed  process

requests.table    requests
requests.idle     - what is in no use
requests.orphans  requests
requests.reapAt   requests
requests.live     requests
requests.scratch  - memory for the next one
requests.plans    - the same

request.Operation   requests
request.owner       - whose it is
request.handle      requests
request.call        requests
request.origin      - of checking
request.kind        requests
request.comm        requests
request.peer        requests
request.tag         requests
request.mode        requests
request.matched     requests
request.step        requests
request.block       - follows from the step
request.told        requests
request.persistent  requests
request.active      requests
request.freed       requests
request.part        requests
request.instances   requests
request.starts      requests
request.scheduled   requests
request.child       requests
request.answer      requests
request.send        requests
request.area        requests
request.attached    requests
request.generic     requests
request.status      requests
request.failure     requests

scheduled.plan     - follows from the part and the algorithm's name
scheduled.part     requests
scheduled.round    requests
scheduled.under    requests
scheduled.scratch  requests
scheduled.failure  requests
scheduled.own      - what part is, or nothing
scheduled.busy     - nothing is captured within a function that MPI has called

part.rank        - whose it is
part.request     requests
part.comm        requests
part.call        requests
part.origin      - of checking
part.kind        requests
part.root        requests
part.op          requests
part.count       requests
part.typ         requests
part.typeHandle  requests
part.inPlace     requests
part.past        requests
part.copySend    requests
part.send        requests
part.recv        requests
part.agreement   requests
part.among       requests
part.answer      requests
part.failure     requests

commMember.context   - follows from the communicator
commMember.name      - the same
commMember.rank      - the same
commMember.index     - the same
commMember.first     - the same
commMember.inter     - the same
commMember.behind    - the same
commMember.topology  - the same

blocks.span    requests
blocks.number  requests
blocks.counts  requests
blocks.displs  requests
blocks.types   requests

Span.Mem    requests
Span.Addr   requests
Span.Count  requests
Span.Type   types

answer.proposal   requests
answer.outcome    requests
answer.instances  - found by the new communicator's context

Proposal.Rank     - whose it is
Proposal.Second   requests
Proposal.Context  requests
Proposal.Color    requests
Proposal.Key      requests
Proposal.Group    groups
Proposal.High     requests
Proposal.Edges    requests
Proposal.Leaders  requests

Outcome.Context  requests
Outcome.Local    groups
Outcome.Remote   groups
Outcome.Second   requests
Outcome.Member   requests
Outcome.Edges    requests
Outcome.Err      requests

Edges.In     requests
Edges.Out    requests
Edge.From    requests
Edge.To      requests
Edge.Weight  requests

generic.query   requests
generic.free    requests
generic.cancel  requests
generic.extra   requests

status.source     requests
status.tag        requests
status.class      requests
status.bytes      requests
status.cancelled  requests

failure.class   requests
failure.reason  requests
failure.object  requests

Operation.Buffer    requests
Operation.Serial    requests
Operation.Note      - of checking
Operation.Envelope  requests
Operation.Shared    - follows from the request
Operation.state     requests
Operation.job       - no copy is under way
Operation.endpoint  - whose it is
Operation.id        requests
Operation.role      - its request has it, while it is under way
Operation.to        - its request has it
Operation.posted    - it is posted anew

Envelope.Source  requests
Envelope.Tag     requests
Envelope.Bytes   requests

ID.Rank        - whose it is
ID.Slot        requests
ID.Generation  requests

Extracted.message  messages
Extracted.From     messages

message.eager   messages
message.sender  messages
message.bytes   messages
message.serial  messages
message.note    - of checking
message.inline  messages

Key.Context  messages
Key.Source   messages
Key.Tag      messages
`

// fieldSections are the fields by their names, with what stateFields says.
func fieldSections(t *testing.T) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(stateFields) {
		name, says, _ := strings.Cut(strings.TrimSpace(line), " ")
		if says = strings.TrimSpace(says); name == "" {
			continue
		}
		if _, known := stateVersions[says]; fields[name] != "" || !known && !strings.HasPrefix(says, "- ") {
			t.Errorf("%s is there twice, or in no section: %q", name, says)
		}
		fields[name] = says
	}
	return fields
}

// structs are those that a rank's state consists of. What is in a field that is not encoded is not looked at.
type structs struct {
	t      *testing.T
	fields map[string]string
	seen   map[reflect.Type]bool
	used   map[string]bool
}

// typeName is a type's without its package and its parameters.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

func (s *structs) visit(t reflect.Type) {
	apart := map[string]bool{"Type": true, "Endpoint": true, "mover": true, "instances": true, "eagerBuffer": true}
	if s.seen[t] || apart[typeName(t)] || strings.HasPrefix(t.PkgPath(), "sync") { // encoded otherwise than field by field
		return
	}
	s.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		s.visit(t.Elem())
	case reflect.Map:
		s.visit(t.Key())
		s.visit(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			name := typeName(t) + "." + t.Field(i).Name
			says := s.fields[name]
			s.used[name] = true
			if says == "" {
				s.t.Errorf("%s is in no section, and in no list of what is not encoded", name)
			} else if says[0] != '-' {
				s.visit(t.Field(i).Type)
			}
		}
	}
}

// Every field of a rank's state is encoded, or it is said why not.
func TestStateFields(t *testing.T) {
	s := &structs{t, fieldSections(t), map[reflect.Type]bool{}, map[string]bool{}}
	s.visit(reflect.TypeFor[Rank]())
	for name := range s.fields {
		if !s.used[name] {
			t.Errorf("there is no field %s", name)
		}
	}
}

// comparison compares two graphs of objects, but for what stateFields says is not encoded.
type comparison struct {
	t      *testing.T
	fields map[string]string
	pairs  map[unsafe.Pointer]unsafe.Pointer // the objects of the first by those of the second
	seen   map[unsafe.Pointer]bool           // of the first
}

func (c *comparison) same(at string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			c.check(at, a.IsNil() == b.IsNil())
			return
		}
		if known := c.pairs[b.UnsafePointer()]; known != nil {
			c.check(at+" refers to another object", known == a.UnsafePointer())
			return
		}
		c.check(at+" was one object with another", !c.seen[a.UnsafePointer()] || a.Type() == reflect.TypeFor[*failure]())
		c.pairs[b.UnsafePointer()], c.seen[a.UnsafePointer()] = a.UnsafePointer(), true
		if a.Type() != reflect.TypeFor[*datatype.Type]() { // those have a test of their own
			c.same(at, a.Elem(), b.Elem())
		}
	case reflect.Struct:
		c.sameStructs(at, a, b)
	case reflect.Slice:
		if c.check(at+": length", a.Len() == b.Len()); a.Len() == b.Len() && a.UnsafePointer() != b.UnsafePointer() {
			for i := range a.Len() {
				c.same(fmt.Sprintf("%s[%d]", at, i), a.Index(i), b.Index(i))
			}
		}
	case reflect.Array:
		for i := range a.Len() {
			c.same(at, a.Index(i), b.Index(i))
		}
	case reflect.Map:
		c.check(at+": length", a.Len() == b.Len())
		for _, k := range a.MapKeys() {
			if k.Kind() == reflect.Pointer { // which the other map has another one for
				continue
			}
			if c.check(at+": a key", b.MapIndex(k).IsValid()); b.MapIndex(k).IsValid() {
				c.same(fmt.Sprint(at, "[", k, "]"), a.MapIndex(k), b.MapIndex(k))
			}
		}
	case reflect.Interface:
		c.check(at, a.IsNil() == b.IsNil())
	case reflect.Func:
	default:
		c.check(fmt.Sprint(at, ": ", a, " and ", b), a.Equal(b))
	}
}

func (c *comparison) sameStructs(at string, a, b reflect.Value) {
	switch t := a.Type(); {
	case strings.HasPrefix(t.PkgPath(), "sync"):
		for i := range t.NumField() {
			if f := a.Field(i); f.Kind() == reflect.UnsafePointer { // that of a name
				x, y := (*string)(f.UnsafePointer()), (*string)(b.Field(i).UnsafePointer())
				c.check(at, (x == nil) == (y == nil) && (x == nil || *x == *y))
			} else if f.Kind() == reflect.Uint32 {
				c.same(at, f, b.Field(i))
			}
		}
	case t == reflect.TypeFor[transport.ID](): // the endpoint gives operations theirs
	case t == reflect.TypeFor[transport.Extracted](): // whose buffers are other ones
	default:
		for i := range t.NumField() {
			if says := c.fields[typeName(t)+"."+t.Field(i).Name]; says == "" || says[0] != '-' {
				c.same(at+"."+t.Field(i).Name, a.Field(i), b.Field(i))
			}
		}
	}
}

func (c *comparison) check(at string, ok bool) {
	if !ok {
		c.t.Errorf("%s is another one", at)
	}
}

// sameObjects compares the rank's objects with those that its encoding gives.
func sameObjects(t *testing.T, g *guest) {
	t.Helper()
	c := &comparison{t, fieldSections(t), map[unsafe.Pointer]unsafe.Pointer{}, map[unsafe.Pointer]bool{}}
	r := g.rank
	_ = r.endpoint.Replace(nil, nil, func(e transport.State) (transport.State, []*transport.Operation, error) {
		b, sets, err := r.encode(e)
		if err != nil {
			t.Fatal(err)
		}
		next, err := r.decode(b, sets.find)
		if err != nil {
			t.Fatal(err)
		}
		c.pairs[unsafe.Pointer(&r.attached)] = unsafe.Pointer(&r.attached) // where the state will be
		c.same("process", reflect.ValueOf(&r.process).Elem(), reflect.ValueOf(&next.process).Elem())
		for q, p := range next.brought {
			old := c.pairs[unsafe.Pointer(q)]
			if in := (*request)(old).joined(); in.instance() == nil {
				t.Errorf("request %#x is in a collective", q.handle)
			} else {
				inst := in.instance()
				p.request = q.ID()
				c.same("part", reflect.ValueOf(&inst.parts[q.comm.member]).Elem(), reflect.ValueOf(p).Elem())
			}
		}
		return e, nil, errChecked
	})
}

// What is decoded is what was encoded, object by object.
func TestSameObjects(t *testing.T) {
	w, g := everything(t)
	defer w.Close()
	sameObjects(t, g)
}
