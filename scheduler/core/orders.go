package core

// Order is what a worker has to be told. Orders follow from the state alone, so they can be given again whenever a
// worker may have missed them; taking one twice changes nothing.
type Order struct {
	Worker WorkerName
	Ref    JobRef
	End    *Ending // how the placement is to end; nil: it is to start
}

// OrdersAfter are the orders that follow from a transition, in the state as it is now: what a later transition has
// overtaken gives none.
func (s *State) OrdersAfter(t Transition) []Order {
	switch t := t.(type) {
	case *JobPlaced:
		if j := s.jobs[t.Ref.Job]; j != nil && j.Ref() == t.Ref && j.State == Configuring {
			return []Order{{Worker: j.worker(), Ref: t.Ref}}
		}
	case *JobEnding:
		if j := s.jobs[t.Ref.Job]; j != nil && j.Ref() == t.Ref && j.State == Completing {
			return []Order{{j.worker(), t.Ref, &j.Ending}}
		}
	}
	return nil
}

// OrdersOnConnect are the orders for a worker that has just said what it holds: the starts and ends that it may have
// missed, and the end of what is over.
func (s *State) OrdersOnConnect(name WorkerName, holding []JobRef) []Order {
	var orders []Order
	w := s.Worker(name)
	for _, id := range w.Jobs {
		switch j := s.jobs[id]; j.State {
		case Configuring:
			orders = append(orders, Order{Worker: name, Ref: j.Ref()})
		case Completing:
			orders = append(orders, Order{name, j.Ref(), &j.Ending})
		}
	}
	for _, ref := range holding {
		if !s.jobs[ref.Job].on(name, ref) {
			orders = append(orders, Order{name, ref, &Ending{State: Cancelled, Kill: true, Reason: "its placement is over"}})
		}
	}
	return orders
}
