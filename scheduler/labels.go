package scheduler

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Bounds of labels, of workers and of what jobs ask of them.
const (
	maxLabels       = 256
	maxLabelName    = 64
	maxLabelValue   = 256
	maxAlternatives = 64
)

// LabelMarks are the characters that stand between labels, where jobs ask for them, and so can't be part of one.
const LabelMarks = "&|,()[]*="

// CheckLabel says what is wrong with a label.
func CheckLabel(name, value string) error {
	switch {
	case name == "":
		return fmt.Errorf("a label has a name")
	case len(name) > maxLabelName || len(value) > maxLabelValue:
		return fmt.Errorf("label %.40q has a name of %d bytes and a value of %d; at most %d and %d", name, len(name),
			len(value), maxLabelName, maxLabelValue)
	case strings.ContainsAny(name+value, LabelMarks+" ") || !utf8.ValidString(name+value) || !printable(name+value):
		return fmt.Errorf("label %q: names and values have no spaces and none of %s",
			core.Label{Name: name, Value: value}.String(), LabelMarks)
	}
	return nil
}

func checkLabels(labels []*schedpb.EnvVar) error {
	if len(labels) > maxLabels {
		return fmt.Errorf("%d labels; at most %d", len(labels), maxLabels)
	}
	for _, l := range labels {
		if err := CheckLabel(l.GetName(), l.GetValue()); err != nil {
			return err
		}
	}
	return nil
}

func checkConstraint(sets []*schedpb.LabelSet) error {
	if len(sets) > maxAlternatives {
		return fmt.Errorf("the constraint has %d alternatives; at most %d", len(sets), maxAlternatives)
	}
	for _, set := range sets {
		if err := checkLabels(set.GetAll()); err != nil {
			return fmt.Errorf("the constraint: %w", err)
		}
	}
	return nil
}

func coreLabels(labels []*schedpb.EnvVar) []core.Label {
	var all []core.Label
	for _, l := range labels {
		all = append(all, core.Label{Name: l.GetName(), Value: l.GetValue()})
	}
	return all
}

// nameable reports whether a name can be that of a worker or a reservation.
func nameable(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && printable(name)
}
