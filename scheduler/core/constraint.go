package core

import "strings"

// Label is one property that a worker announces: a name, and a value if it needs one.
type Label struct{ Name, Value string }

func (l Label) String() string {
	if l.Value == "" {
		return l.Name
	}
	return l.Name + "=" + l.Value
}

func (l *Label) fields(c *codec) {
	c.string(&l.Name)
	c.string(&l.Value)
}

// Constraint is what a job asks of the labels of its worker: all labels of any one alternative. Without alternatives it
// asks for nothing. A label without a value is had by every worker that has one of its name.
type Constraint [][]Label

// met reports whether labels of a worker satisfy the constraint.
func (c Constraint) met(labels []Label) bool {
	for _, all := range c {
		if hasAll(labels, all) {
			return true
		}
	}
	return len(c) == 0
}

func hasAll(labels, wanted []Label) bool {
	for _, want := range wanted {
		found := false
		for _, l := range labels {
			found = found || l.Name == want.Name && (want.Value == "" || l.Value == want.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

// String writes it as people ask for it: gpu=a100&fast|big.
func (c Constraint) String() string {
	var alternatives []string
	for _, all := range c {
		var words []string
		for _, l := range all {
			words = append(words, l.String())
		}
		alternatives = append(alternatives, strings.Join(words, "&"))
	}
	return strings.Join(alternatives, "|")
}

// fields: before version 3 there was one alternative.
func (v *Constraint) fields(c *codec) {
	all := func(labels *[]Label) { list(c, labels, func(l *Label) { l.fields(c) }) }
	if c.version >= 3 {
		list(c, (*[][]Label)(v), all)
		return
	}
	var only []Label
	if all(&only); len(only) > 0 {
		*v = Constraint{only}
	}
}
