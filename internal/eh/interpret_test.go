package eh

// exception is a thrown one: what it carries is the sum of its i32 values, and the others are known from it.
type exception struct {
	tag    int
	values []int32
}

// outcome is how a statement or expression ended.
type outcome struct {
	kind     ending
	value    int32      // of an expression, a return, a branch that carries one
	target   int        // of a branch; of an exception that a delegate has sent, until it comes there
	thrown   *exception // of throwing
	tailCall *node      // of a return, a call that makes its value, in place of the function's frame
	args     []int32
}

type ending int

const (
	goesOn ending = iota
	branches
	returns
	throws
)

// machine runs a program by the rules of the proposal for legacy exceptions.
type machine struct {
	p     *program
	fuel  int
	trace []int32
}

// activation is a function being run.
type activation struct {
	*machine
	f      *function
	locals []int32
	caught map[int]*exception // by label of the try whose catch runs
}

// startFuel is how many functions may be called and iterations made before all of them end at once.
const startFuel = 400

// interpret runs function 0 and returns what it traced and how it ended.
func interpret(p *program, argument int32) (*machine, outcome) {
	m := &machine{p: p, fuel: startFuel}
	return m, m.call(p.functions[0], []int32{argument})
}

func (m *machine) call(f *function, args []int32) outcome {
	for {
		if m.fuel == 0 {
			return outcome{}
		}
		m.fuel--
		a := &activation{machine: m, f: f, locals: make([]int32, f.locals), caught: map[int]*exception{}}
		copy(a.locals, args)
		o := a.body(f.label, f.body, f.value)
		switch o.kind {
		case throws:
			o.target = 0 // a delegate to the function itself has come there
			return o
		case returns:
			if o.tailCall != nil {
				f, args = o.tailCall.callee, o.args
				continue
			}
		}
		return outcome{value: o.value}
	}
}

// body runs what stands in a block: branches to it end there.
func (a *activation) body(label int, body []*node, value *node) outcome {
	o := a.list(body)
	if o.kind == goesOn && value != nil {
		o = a.eval(value)
	}
	switch {
	case o.kind == branches && o.target == label:
		return outcome{value: o.value}
	case o.kind == throws && o.target == label:
		o.target = 0
	}
	return o
}

func (a *activation) list(body []*node) outcome {
	for _, n := range body {
		if o := a.eval(n); o.kind != goesOn {
			return o
		}
	}
	return outcome{}
}

// evalAll runs arguments in order.
func (a *activation) evalAll(args []*node) ([]int32, outcome) {
	values := make([]int32, len(args))
	for i, n := range args {
		o := a.eval(n)
		if o.kind != goesOn {
			return nil, o
		}
		values[i] = o.value
	}
	return values, outcome{}
}

func (a *activation) eval(n *node) outcome {
	args, o := a.evalAll(n.args)
	if o.kind != goesOn {
		return o
	}
	switch n.op {
	case opTrace:
		a.trace = append(a.trace, args[0])
	case opSet:
		a.locals[n.local] = args[0]
	case opIf, opIfValue:
		if args[0] != 0 {
			return a.body(n.label, n.body, n.value)
		}
		return a.body(n.label, n.other, n.value2)
	case opBlock, opBlockValue:
		return a.body(n.label, n.body, n.value)
	case opLoop:
		return a.loop(n)
	case opBr:
		o := outcome{kind: branches, target: n.target}
		if len(args) > 0 {
			o.value = args[0]
		}
		return o
	case opBrIf:
		if args[0] != 0 {
			return outcome{kind: branches, target: n.target}
		}
	case opBrTable:
		return outcome{kind: branches, target: n.targets[min(uint32(args[0]), uint32(len(n.targets)-1))]}
	case opReturn:
		o := outcome{kind: returns}
		if len(args) > 0 {
			o.value = args[0]
		}
		return o
	case opTailCall:
		return outcome{kind: returns, tailCall: n, args: args}
	case opThrow:
		return outcome{kind: throws, thrown: &exception{tag: n.tag, values: args}}
	case opRethrow:
		return outcome{kind: throws, thrown: a.caught[n.target]}
	case opTry, opTryValue:
		if n.op == opTryValue {
			a.locals[n.local] = args[0]
		}
		return a.try(n)
	case opDelegate:
		o := a.body(n.label, n.body, nil)
		if o.kind == throws && o.target == 0 {
			o.target = n.target
		}
		return o
	case opHostCall:
		return a.plain(a.call(a.p.functions[n.args[0].number], args[1:]), 0)
	case opConst:
		return outcome{value: n.number}
	case opLocal:
		return outcome{value: a.locals[n.local]}
	case opAdd:
		return outcome{value: args[0] + args[1]}
	case opCall, opCallIndirect:
		o := a.call(n.callee, args)
		if len(signatures[n.callee.signature].Results) == 0 {
			return a.plain(o, 7)
		}
		return o
	}
	return outcome{}
}

// plain gives an outcome another value.
func (a *activation) plain(o outcome, value int32) outcome {
	o.value = value
	return o
}

func (a *activation) loop(n *node) outcome {
	for a.locals[n.local] = n.number; a.locals[n.local] != 0; {
		a.locals[n.local]--
		o := a.body(n.label, n.body, nil)
		switch {
		case o.kind == branches && o.target == n.label2:
			return outcome{}
		case o.kind == throws && o.target == n.label2:
			o.target = 0
		}
		if o.kind != goesOn {
			return o
		}
	}
	return outcome{}
}

func (a *activation) try(n *node) outcome {
	o := a.list(n.body)
	if o.kind == goesOn && n.value != nil {
		o = a.eval(n.value)
	}
	if o.kind == branches && o.target == n.label {
		return outcome{value: o.value}
	}
	if o.kind != throws || o.target != 0 && o.target != n.label {
		return o
	}
	o.target = 0
	for i := range n.catches {
		if c := &n.catches[i]; c.all || c.tag == o.thrown.tag {
			return a.catch(n, c, o.thrown)
		}
	}
	return o
}

func (a *activation) catch(n *node, c *catch, x *exception) outcome {
	if !c.all {
		for _, v := range x.values {
			a.locals[c.local] += v
		}
	}
	before := a.caught[n.label]
	a.caught[n.label] = x
	o := a.body(n.label, c.body, c.value)
	a.caught[n.label] = before
	return o
}
