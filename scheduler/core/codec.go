package core

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A journal record is what one commit made durable: the version of the encoding, the number of transitions, and each as
// its kind and its fields. A field is a varint or a length and bytes. Reading and writing share one walk over the
// fields (fields), so they can't drift apart.
//
// Version 2 added reservations and preemption, version 3 alternatives in constraints and workers that are unfit,
// version 4 what is known of a worker's state, goodbyes, failed launches and jobs that may run on astray, version 5
// jobs whose ranks share slots, version 6 details that jobs share, version 7 engines and what jobs need of them,
// version 8 which engine a job asks for, and why a worker lacks one, version 9 moments before which jobs don't start
// and by which they end, workers they don't run on, and dependencies of which one is enough, version 10 resources,
// version 11 steps. What older versions wrote is still read.
const recordVersion = 11

// ErrRecord is wrapped by every complaint about the bytes of a record.
var ErrRecord = errors.New("unreadable journal record")

// EncodeRecord writes transitions as one record.
func EncodeRecord(ts []Transition) []byte {
	c := &codec{buf: make([]byte, 0, 64+64*len(ts)), shares: &shares{open: true}}
	c.opening()
	n := uint64(len(ts))
	c.uint64(&n)
	for _, t := range ts {
		k := uint64(t.kind())
		c.uint64(&k)
		t.fields(c)
	}
	return c.buf
}

// DecodeRecord reads what EncodeRecord wrote. Any bytes may be handed in.
func DecodeRecord(rec []byte) ([]Transition, error) {
	c := &codec{buf: rec, reading: true, shares: &shares{open: true}}
	c.opening()
	var n uint64
	c.uint64(&n)
	var ts []Transition
	for i := uint64(0); i < n && c.err == nil; i++ {
		var k uint64
		c.uint64(&k)
		t := newTransition(kind(k))
		if t == nil {
			return nil, fmt.Errorf("%w: unknown kind %d of transition", ErrRecord, k)
		}
		t.fields(c)
		ts = append(ts, t)
	}
	return ts, c.end()
}

// codec walks the fields of plain data, writing them to buf or reading them from it. After an error it does nothing.
type codec struct {
	buf     []byte
	reading bool
	version uint64 // of the encoding
	shares  *shares
	err     error
}

// opening walks the version, which comes first.
func (c *codec) opening() {
	c.version = recordVersion
	c.uint64(&c.version)
	if c.err == nil && (c.version < 1 || c.version > recordVersion) {
		c.fail("written by encoding %d, this program reads 1 to %d: "+
			"start the release of faasmrun that wrote it, or a later one", c.version, recordVersion)
	}
}

// end is the error of a whole reading: what is left over is one too.
func (c *codec) end() error {
	if c.err == nil && len(c.buf) > 0 {
		c.fail("%d bytes left over", len(c.buf))
	}
	return c.err
}

func (c *codec) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrRecord, fmt.Sprintf(format, args...))
	}
}

func (c *codec) uint64(v *uint64) {
	if c.err != nil {
		return
	}
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	got, n := binary.Uvarint(c.buf)
	if n <= 0 {
		c.fail("cut short in a number")
		return
	}
	*v, c.buf = got, c.buf[n:]
}

func (c *codec) int64(v *int64) {
	u := uint64(*v<<1) ^ uint64(*v>>63)
	c.uint64(&u)
	*v = int64(u>>1) ^ -int64(u&1)
}

func (c *codec) uint32(v *uint32) {
	u := uint64(*v)
	c.uint64(&u)
	if u > 1<<32-1 {
		c.fail("%d does not fit 32 bits", u)
	}
	*v = uint32(u)
}

func (c *codec) int32(v *int32) {
	i := int64(*v)
	c.int64(&i)
	if i != int64(int32(i)) {
		c.fail("%d does not fit 32 bits", i)
	}
	*v = int32(i)
}

func (c *codec) bool(v *bool) {
	u := uint64(0)
	if *v {
		u = 1
	}
	c.uint64(&u)
	if u > 1 {
		c.fail("%d is no truth value", u)
	}
	*v = u == 1
}

// bytes copies what it reads: the record may be the store's memory. Nothing read is nil.
func (c *codec) bytes(v *[]byte) {
	n := uint64(len(*v))
	c.uint64(&n)
	if c.err != nil {
		return
	}
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	if n > uint64(len(c.buf)) {
		c.fail("cut short in %d bytes", n)
		return
	}
	*v = append([]byte(nil), c.buf[:n]...)
	c.buf = c.buf[n:]
}

func (c *codec) string(v *string) {
	b := []byte(*v)
	c.bytes(&b)
	*v = string(b)
}

func (c *codec) time(v *Time)         { c.int64((*int64)(v)) }
func (c *codec) duration(v *Duration) { c.int64((*int64)(v)) }
func (c *codec) job(v *JobID)         { c.uint64((*uint64)(v)) }
func (c *codec) epoch(v *Epoch)       { c.uint64((*uint64)(v)) }
func (c *codec) worker(v *WorkerName) { c.string((*string)(v)) }
func (c *codec) ref(v *JobRef)        { c.job(&v.Job); c.epoch(&v.Epoch) }

func (c *codec) state(v *JobState) {
	u := uint64(*v)
	c.uint64(&u)
	if u > uint64(len(StateTable)) {
		c.fail("unknown job state %d", u)
		u = 0
	}
	*v = JobState(u)
}

// list walks a slice. The count of what is read grows with the bytes that are there, so a forged count costs nothing.
func list[T any](c *codec, v *[]T, item func(*T)) {
	n := uint64(len(*v))
	c.uint64(&n)
	if !c.reading {
		for i := range *v {
			item(&(*v)[i])
		}
		return
	}
	*v = nil
	for i := uint64(0); i < n && c.err == nil; i++ {
		var one T
		item(&one)
		*v = append(*v, one)
	}
}

func (r *Request) fields(c *codec) {
	c.string((*string)(&r.Tenant))
	c.string(&r.Name)
	c.uint32(&r.Ranks)
	c.uint64(&r.MemPerRank)
	c.duration(&r.TimeLimit)
	c.bool(&r.Interactive)
	c.string(&r.QOS)
	c.bool(&r.Held)
	c.bool(&r.Requeue)
	c.bool(&r.Exclusive)
	if c.version < 6 {
		list(c, &r.After, func(d *Dependency) { d.fields(c) })
	}
	c.bool(&r.Singleton)
	if c.version < 6 {
		list(c, &r.Hosts, c.worker)
		r.Constraint.fields(c)
	}
	c.job(&r.Array.Job)
	c.uint32(&r.Array.Index)
	c.uint32(&r.Array.Throttle)
	if c.version < 6 {
		c.bytes(&r.Spec)
	} else {
		c.details(r)
	}
	if c.version >= 2 {
		c.string(&r.Reservation)
	}
	if c.version >= 5 {
		c.uint32(&r.Slots)
	}
	r.Needs.fields(c)
	if c.version >= 9 {
		c.bool(&r.AnyOf)
		c.time(&r.Begin)
		c.time(&r.EndBy)
		c.uint32(&r.Nice)
	}
}

func (d *Dependency) fields(c *codec) {
	k := uint64(d.Kind)
	c.uint64(&k)
	if named := k &^ uint64(Alone); named < 1 || named >= uint64(len(DependencyNames)) {
		c.fail("unknown kind %d of dependency", k)
		k = uint64(AfterAny)
	}
	d.Kind = DependencyKind(k)
	c.job(&d.Job)
	if c.version >= 9 {
		c.duration(&d.Delay)
	}
}

func (r *Promise) fields(c *codec) {
	c.worker(&r.Worker)
	c.time(&r.At)
}

func (p *Span) fields(c *codec) {
	c.worker(&p.Worker)
	c.uint32((*uint32)(&p.First))
	c.uint32(&p.Ranks)
}

func (e *End) fields(c *codec) {
	c.state(&e.State)
	c.int32(&e.ExitCode)
	c.string(&e.Reason)
	c.bytes(&e.Detail)
	c.duration(&e.CPU)
	c.uint64(&e.MaxRSS)
}

func (e *Ending) fields(c *codec) {
	c.state(&e.State)
	c.int32(&e.ExitCode)
	c.string(&e.Reason)
	c.bool(&e.Kill)
}
