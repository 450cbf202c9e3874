package client

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Labels of workers, and what jobs ask of them: gpu=a100, fast&(gpu|big). & binds closer than |, and a comma is an &.
// Slurm's numbers of nodes (gpu*2) and matching alternatives ([a|b]) are for jobs of several nodes and are refused.

// ParseLabels reads what a worker announces: NAME and NAME=VALUE.
func ParseLabels(words []string) ([]*schedpb.EnvVar, error) {
	var labels []*schedpb.EnvVar
	for _, word := range words {
		l, err := parseLabel(word)
		if err != nil {
			return nil, err
		}
		labels = append(labels, l)
	}
	return labels, nil
}

func parseLabel(word string) (*schedpb.EnvVar, error) {
	name, value, _ := strings.Cut(word, "=")
	if err := scheduler.CheckLabel(name, value); err != nil {
		return nil, err
	}
	return &schedpb.EnvVar{Name: name, Value: value}, nil
}

func LabelText(l *schedpb.EnvVar) string {
	if l.Value == "" {
		return l.Name
	}
	return l.Name + "=" + l.Value
}

// ConstraintText writes a constraint without brackets.
func ConstraintText(sets []*schedpb.LabelSet) string {
	var alternatives []string
	for _, set := range sets {
		var words []string
		for _, l := range set.All {
			words = append(words, LabelText(l))
		}
		alternatives = append(alternatives, strings.Join(words, "&"))
	}
	return strings.Join(alternatives, "|")
}

// maxConstraint bounds the text of a constraint and so how deep its brackets go.
const maxConstraint = 1 << 10

// maxAlternatives bounds what a constraint becomes without its brackets: (a|b)&(c|d)&… doubles each time.
const maxAlternatives = 64

// ParseConstraint reads a constraint as alternatives, each of which is a list of labels.
func ParseConstraint(text string) ([]*schedpb.LabelSet, error) {
	if len(text) > maxConstraint {
		return nil, fmt.Errorf("the constraint has %d bytes; at most %d", len(text), maxConstraint)
	}
	p := constraintParser{left: strings.TrimSpace(text)}
	sets, err := p.alternatives()
	if err == nil && p.left != "" {
		err = fmt.Errorf("%q is not expected there", p.left)
	}
	if err != nil {
		return nil, fmt.Errorf("constraint %q: %w", text, err)
	}
	return sets, nil
}

type constraintParser struct{ left string }

func (p *constraintParser) take(marks string) bool {
	if p.left == "" || !strings.ContainsRune(marks, rune(p.left[0])) {
		return false
	}
	p.left = strings.TrimLeft(p.left[1:], " ")
	return true
}

// alternatives = all { "|" all }
func (p *constraintParser) alternatives() ([]*schedpb.LabelSet, error) {
	sets, err := p.all()
	for err == nil && p.take("|") {
		var more []*schedpb.LabelSet
		more, err = p.all()
		if sets = append(sets, more...); len(sets) > maxAlternatives {
			return nil, fmt.Errorf("it has more than %d alternatives", maxAlternatives)
		}
	}
	return sets, err
}

// all = one { "&" one }
func (p *constraintParser) all() ([]*schedpb.LabelSet, error) {
	sets, err := p.one()
	for err == nil && p.take("&,") {
		var more []*schedpb.LabelSet
		if more, err = p.one(); err == nil {
			sets, err = both(sets, more)
		}
	}
	return sets, err
}

// both has every alternative of one side stand with every one of the other.
func both(a, b []*schedpb.LabelSet) ([]*schedpb.LabelSet, error) {
	if len(a)*len(b) > maxAlternatives {
		return nil, fmt.Errorf("it has more than %d alternatives", maxAlternatives)
	}
	var sets []*schedpb.LabelSet
	for _, x := range a {
		for _, y := range b {
			sets = append(sets, &schedpb.LabelSet{All: append(append([]*schedpb.EnvVar{}, x.All...), y.All...)})
		}
	}
	return sets, nil
}

// one = "(" alternatives ")" | NAME [ "=" VALUE ]
func (p *constraintParser) one() ([]*schedpb.LabelSet, error) {
	if p.take("(") {
		sets, err := p.alternatives()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return sets, err
	}
	end := strings.IndexAny(p.left, strings.ReplaceAll(scheduler.LabelMarks, "=", ""))
	if end < 0 {
		end = len(p.left)
	}
	word := strings.TrimSpace(p.left[:end])
	switch p.left = p.left[end:]; {
	case p.left != "" && strings.ContainsRune("[*", rune(p.left[0])):
		return nil, fmt.Errorf("numbers of nodes (*) and matching alternatives ([ ]) are for jobs of several nodes")
	case word == "":
		return nil, fmt.Errorf("a label is missing")
	}
	l, err := parseLabel(word)
	return []*schedpb.LabelSet{{All: []*schedpb.EnvVar{l}}}, err
}
