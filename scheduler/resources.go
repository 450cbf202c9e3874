package scheduler

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// maxResources bounds the kinds of resources of a worker, and those that a job asks for.
const maxResources = 64

// resourceMarks are the characters that stand between resources and their parts, where jobs ask for them.
const resourceMarks = " :,/"

// CheckResource says what is wrong with a resource.
func CheckResource(name, kind string, count uint32) error {
	switch {
	case !nameable(name) || kind != "" && !nameable(kind) || strings.ContainsAny(name+kind, resourceMarks):
		return fmt.Errorf("%.80q is no name of a resource and its type: they have no spaces and none of %s", name+":"+kind,
			strings.TrimSpace(resourceMarks))
	case count == 0 || count > core.MaxUnits:
		return fmt.Errorf("%d of resource %s; from 1 to %d are possible", count, name, core.MaxUnits)
	}
	return nil
}

func checkResources(list []*schedpb.Resource) error {
	if len(list) > maxResources {
		return fmt.Errorf("%d kinds of resources; at most %d", len(list), maxResources)
	}
	sum := uint64(0)
	for _, r := range list {
		if err := CheckResource(r.GetName(), r.GetType(), r.GetCount()); err != nil {
			return err
		}
		if sum += uint64(r.Count); sum > core.MaxUnits {
			return fmt.Errorf("more than %d units of resources", core.MaxUnits)
		}
	}
	return nil
}

func coreResources(list []*schedpb.Resource) (rs core.Resources) {
	for _, r := range list {
		rs = append(rs, core.Resource{Name: r.GetName(), Type: r.GetType(), Count: r.GetCount()})
	}
	return rs
}

func resourceInfo(rs core.Resources) (list []*schedpb.Resource) {
	for _, r := range rs {
		list = append(list, &schedpb.Resource{Name: r.Name, Type: r.Type, Count: r.Count})
	}
	return list
}

func unitInfo(units []core.Unit) (list []*schedpb.Unit) {
	for _, u := range units {
		list = append(list, &schedpb.Unit{Name: u.Name, Number: u.Number})
	}
	return list
}
