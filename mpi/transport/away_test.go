package transport

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// pipe is a link that keeps what is sent, as bytes, until carry.
type pipe struct {
	sent []byte
	over []func()
}

func (p *pipe) Send(f *Frame) {
	p.sent = f.Append(p.sent)
	if f.Sent != nil {
		p.over = append(p.over, f.Sent)
	}
}

// carry brings what was sent to a fabric.
func (p *pipe) carry(t testing.TB, to *Fabric) {
	t.Helper()
	b, over := p.sent, p.over
	p.sent, p.over = nil, nil
	for len(b) > 0 {
		f, n, err := ReadFrame(b)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if err := to.Arrive(&f); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	for _, f := range over {
		f()
	}
}

// processes are two fabrics with a rank each, and the links from them.
func processes(t testing.TB) (a, b *Fabric, fromA, fromB *pipe) {
	fromA, fromB = &pipe{}, &pipe{}
	a = NewFabric(Config{Size: 2, Home: []bool{true, false}, Link: fromA, EagerBytes: 1 << 20, Woken: func() {}})
	b = NewFabric(Config{Size: 2, Home: []bool{false, true}, Link: fromB, EagerBytes: 1 << 20, Woken: func() {}})
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	return a, b, fromA, fromB
}

// TestFrames: what is read is what was written, and no part of it is taken for all.
func TestFrames(t *testing.T) {
	f := Frame{Kind: FrameData, From: 3, To: 70000, Key: match.Key{Context: 1 << 31, Source: 4, Tag: 5}, Bytes: 1 << 40,
		Serial: 1<<64 - 1, Send: Reference{1, 2}, Receive: Reference{3, 1<<32 - 1}, Offset: 1 << 50, Data: []byte("data")}
	b := f.Append(nil)
	if want := frameHeader + 4; len(b) != want {
		t.Errorf("%d bytes, want %d", len(b), want)
	}
	got, n, err := ReadFrame(append(b, 1, 2, 3))
	if err != nil || n != len(b) || !reflect.DeepEqual(got, f) {
		t.Errorf("%+v is read as %+v, %d bytes: %v", f, got, n, err)
	}
	for n := range b {
		if _, length, err := ReadFrame(b[:n]); length != 0 || err != nil {
			t.Errorf("%d bytes of %d are a frame of %d: %v", n, len(b), length, err)
		}
	}
	for at, x := range map[int]byte{0: 2, 1: byte(frameKinds), 2: 1, 3: 1, 31: 128, 63: 128, 68: 1} {
		bad := bytes.Clone(b)
		bad[at] = x
		if _, _, err := ReadFrame(bad); err == nil {
			t.Errorf("byte %d is %d, and nobody minds", at, x)
		}
	}
}

// TestToAnotherProcess: messages of every length arrive in order, whether their receives were posted before or not.
func TestToAnotherProcess(t *testing.T) {
	for _, posted := range []bool{false, true} {
		a, b, fromA, fromB := processes(t)
		from, to := a.Endpoint(0), b.Endpoint(1)
		k := match.Key{Context: 3, Source: 0, Tag: 7}
		var sends, receives []*Operation
		receive := func() {
			for _, n := range sizes {
				op := begin(to, make([]byte, n))
				to.Receive(op, k)
				receives = append(receives, op)
			}
		}
		if posted {
			receive()
		}
		for i, n := range sizes {
			op := begin(from, numbered(uint64(i), n))
			if from.Send(op, 1, k, Mode(i%2)); op.Done() && i%2 == 1 {
				t.Errorf("%d bytes: a synchronous send is complete before anything was received", n)
			}
			sends = append(sends, op)
		}
		for range 3 { // offer, fetch, data
			fromA.carry(t, b)
			if !posted && len(receives) == 0 {
				receive()
			}
			fromB.carry(t, a)
		}
		for i, op := range receives {
			if want := numbered(uint64(i), sizes[i]); !op.Done() || !bytes.Equal(op.Buffer.Mem, want) || !sends[i].Done() {
				t.Errorf("posted before %v: message %d: received %v, sent %v", posted, i, op.Done(), sends[i].Done())
			}
		}
		if o := &a.outside; len(o.offered) > 0 || len(b.outside.fetched) > 0 {
			t.Errorf("%d offers, %d fetches are left", len(o.offered), len(b.outside.fetched))
		}
	}
}

// TestEagerWindow: what a rank elsewhere has not received is bounded; beyond that messages are offered, until some were
// received.
func TestEagerWindow(t *testing.T) {
	a, b, fromA, fromB := processes(t)
	from, to := a.Endpoint(0), b.Endpoint(1)
	k := match.Key{Context: 3}
	const n = 1000
	eager := eagerWindow / (n + eagerCost)
	send := func() (done bool) {
		op := begin(from, make([]byte, n))
		from.Send(op, 1, k, Standard)
		return op.Done()
	}
	for i := range eager {
		if !send() {
			t.Fatalf("message %d waits for its receiver", i)
		}
	}
	if send() {
		t.Error("a message beyond the window was sent with its data")
	}
	fromA.carry(t, b)
	for range eager / 2 {
		to.Receive(begin(to, make([]byte, n)), k)
	}
	fromB.carry(t, a)
	for i := range eager / 4 {
		if !send() {
			t.Fatalf("message %d of those that there is room for again waits", i)
		}
	}
}

// TestGivenBack: a message is given back by the other process unless a receive has it.
func TestGivenBack(t *testing.T) {
	for _, received := range []bool{false, true} {
		a, b, fromA, fromB := processes(t)
		from, to := a.Endpoint(0), b.Endpoint(1)
		k := match.Key{Context: 3}
		send, receive := begin(from, make([]byte, 8)), begin(to, make([]byte, 8))
		from.Send(send, 1, k, Synchronous)
		if received {
			to.Receive(receive, k)
		}
		if from.Withdraw(1, k, send) {
			t.Error("it was given back at once")
		}
		for range 3 {
			fromA.carry(t, b)
			fromB.carry(t, a)
		}
		if _, back := send.Note.(Withdrawn); !send.Done() || back == received || received != receive.Done() {
			t.Errorf("received %v: done %v, given back %v", received, send.Done(), back)
		}
		if _, unexpected := to.Queued(); unexpected > 0 {
			t.Error("the message is still there")
		}
	}
}

// TestForgedFrames: frames that no process of ours would send are refused, and change nothing.
func TestForgedFrames(t *testing.T) {
	a, b, fromA, fromB := processes(t)
	from, to := a.Endpoint(0), b.Endpoint(1)
	k := match.Key{Context: 3}
	send, receive := begin(from, make([]byte, EagerLimit+9)), begin(to, make([]byte, EagerLimit+9))
	from.Send(send, 1, k, Standard)
	fromA.carry(t, b)
	to.Receive(receive, k)
	mine, theirs := send.ID().reference(), receive.ID().reference()
	n := send.Buffer.Bytes()
	for _, c := range []struct {
		at   *Fabric
		f    Frame
		want string
	}{
		{a, Frame{Kind: FrameEager, From: 1, To: 1}, "to rank 1"},
		{a, Frame{Kind: FrameEager, From: 0, To: 0}, "from rank 0"},
		{a, Frame{Kind: FrameEager, From: 2, To: 0}, "from rank 2"},
		{a, Frame{Kind: FrameEager, From: -1, To: 0}, "from rank -1"},
		{a, Frame{Kind: FrameEager, From: 1, To: -1}, "to rank -1"},
		{a, Frame{Kind: FrameEager, From: 1, Bytes: 1}, "1 bytes with 0"},
		{a, Frame{Kind: FrameEager, From: 1, Bytes: EagerLimit + 1, Data: make([]byte, EagerLimit+1)}, "bytes of data"},
		{a, Frame{Kind: FrameOffer, From: 1, Key: match.Key{Source: -1}}, "from -1"},
		{a, Frame{Kind: FrameOffer, From: 1, Key: match.Key{Tag: -1}}, "tag -1"},
		{a, Frame{Kind: FrameFetch, From: 1, Bytes: n + 1, Send: mine}, "fetches"},
		{a, Frame{Kind: FrameFetch, From: 1, Bytes: n, Send: Reference{mine.Slot, mine.Generation + 1}}, "fetches"},
		{a, Frame{Kind: FrameFetch, From: 1, Bytes: n, Send: Reference{99, 1}}, "fetches"},
		{a, Frame{Kind: FrameWithdrawn, From: 1, Bytes: 1, Send: Reference{99, 1}}, "gives back"},
		{a, Frame{Kind: FrameCredit, From: 1, Bytes: 1}, "gives back 1 bytes"},
		{b, Frame{Kind: FrameData, To: 1, Bytes: n, Offset: 1, Receive: theirs, Data: []byte{1}}, "in order"},
		{b, Frame{Kind: FrameData, To: 1, Bytes: n - 1, Receive: theirs, Data: []byte{1}}, "in order"},
		{b, Frame{Kind: FrameData, To: 1, Bytes: n, Receive: theirs, Data: make([]byte, n+1)}, "in order"},
		{b, Frame{Kind: FrameData, To: 1, Bytes: n, Receive: theirs}, "in order"},
		{b, Frame{Kind: FrameData, To: 1, Bytes: n, Receive: Reference{99, 1}, Data: []byte{1}}, "in order"},
	} {
		if err := c.at.Arrive(&c.f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: refused with %v, not with %q", c.f, err, c.want)
		}
	}
	fromB.carry(t, a)
	fromA.carry(t, b)
	if !send.Done() || !receive.Done() {
		t.Errorf("after all that: sent %v, received %v", send.Done(), receive.Done())
	}
}

// FuzzArrive gives a fabric, which has a send and a receive under way, whatever another process may send.
func FuzzArrive(f *testing.F) {
	k := match.Key{Context: 3}
	for kind := FrameEager; kind < frameKinds; kind++ {
		for _, r := range []Reference{{0, 1}, {1, 1}} {
			frame := Frame{Kind: kind, From: 1, Key: k, Send: r, Receive: r, Bytes: 9, Data: []byte("123456789")}
			f.Add(frame.Append((&Frame{Kind: FrameOffer, From: 1, Key: k, Bytes: 9, Send: r}).Append(nil)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, _, _, _ := processes(t)
		e := a.Endpoint(0)
		e.Send(begin(e, make([]byte, EagerLimit+9)), 1, k, Standard)
		e.Receive(begin(e, make([]byte, 9)), match.Key{Context: 3, Source: match.AnySource, Tag: match.AnyTag})
		for {
			frame, n, err := ReadFrame(b)
			if err != nil || n == 0 || a.Arrive(&frame) != nil {
				return
			}
			b = b[n:]
		}
	})
}
