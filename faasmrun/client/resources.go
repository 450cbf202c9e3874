package client

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// ParseResources reads resources as Slurm's --gres has them: NAME[:TYPE][:COUNT], separated by commas, where no count
// is one and "gres/" or "gres:" may stand before the name.
func ParseResources(text string) ([]*schedpb.Resource, error) {
	var list []*schedpb.Resource
	for word := range strings.SplitSeq(text, ",") {
		bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(word), "gres/"), "gres:")
		if bare == "none" {
			continue
		}
		r, err := parseResource(bare)
		if err != nil {
			return nil, fmt.Errorf("%q: %w; a resource is gpu, gpu:2 or gpu:a100:2", word, err)
		}
		list = append(list, r)
	}
	return list, nil
}

func parseResource(word string) (*schedpb.Resource, error) {
	parts := strings.Split(word, ":")
	r := &schedpb.Resource{Name: parts[0], Count: 1}
	if last := parts[len(parts)-1]; len(parts) > 1 {
		n, err := strconv.ParseUint(last, 10, 31)
		switch {
		case err == nil:
			r.Count, parts = uint32(n), parts[:len(parts)-1]
		case len(parts) > 2:
			return nil, fmt.Errorf("%q is no count", last)
		}
	}
	switch len(parts) {
	case 1:
	case 2:
		r.Type = parts[1]
	default:
		return nil, fmt.Errorf("it has more than a name, a type and a count")
	}
	return r, scheduler.CheckResource(r.Name, r.Type, r.Count)
}

// ResourceText writes a resource as it is asked for.
func ResourceText(r *schedpb.Resource) string {
	if r.GetType() == "" {
		return fmt.Sprintf("%s:%d", r.GetName(), r.GetCount())
	}
	return fmt.Sprintf("%s:%s:%d", r.GetName(), r.GetType(), r.GetCount())
}

// ResourcesText writes several.
func ResourcesText(list []*schedpb.Resource) string {
	var words []string
	for _, r := range list {
		words = append(words, ResourceText(r))
	}
	return strings.Join(words, ",")
}
