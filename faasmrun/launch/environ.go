package launch

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// exportPolicy says which of the launcher's variables the ranks see.
type exportPolicy int

const (
	exportAll exportPolicy = iota
	exportNone
	exportNamed
)

// envEdit is one -x: a variable that is set, or with inherit the launcher's own variables of that name or pattern.
type envEdit struct {
	name, Value string
	inherit     bool
}

func (s *Segment) addExport(text string) error {
	name, value, assigned := strings.Cut(text, "=")
	if assigned {
		return s.addVariable(name, value)
	}
	if name == "" {
		return fmt.Errorf("needs NAME or NAME=VALUE")
	}
	if _, err := filepath.Match(name, ""); err != nil {
		return fmt.Errorf("%q is no pattern of names", name)
	}
	s.Env = append(s.Env, envEdit{name: name, inherit: true})
	return nil
}

func (s *Segment) addVariable(name, value string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return fmt.Errorf("needs a name; %q is none", name)
	}
	s.Env = append(s.Env, envEdit{name: name, Value: value})
	return nil
}

// setExport reads --export as sbatch does: ALL, NONE, or names and assignments, which may be added to ALL.
func (r *Request) setExport(text string) error {
	r.export, r.exportNames = exportNamed, nil
	for _, item := range strings.Split(text, ",") {
		name, value, assigned := strings.Cut(item, "=")
		switch {
		case item == "ALL":
			r.export = exportAll
		case item == "NONE" || item == "NIL":
			r.export = exportNone
		case assigned:
			if err := r.common.addVariable(name, value); err != nil {
				return err
			}
		case name == "":
			return fmt.Errorf("needs ALL, NONE or names of variables")
		default:
			r.exportNames = append(r.exportNames, name)
		}
	}
	return nil
}

// environment makes the complete environment of a segment's ranks from the launcher's. The notes name variables that -x
// asked for and that do not exist.
//
// Left out are FAASMRUN_* (they address the launcher, and may say how to reach a scheduler).
// PWD becomes "/", the guest's working directory: runtimes believe it.
func (r *Request) environment(s *Segment, launcher []string) (env []*schedpb.EnvVar, notes []string) {
	own := map[string]string{}
	for _, v := range launcher {
		name, value, _ := strings.Cut(v, "=")
		if name != "" && !strings.HasPrefix(name, "FAASMRUN_") {
			own[name] = value
		}
	}
	own["PWD"] = "/"
	delete(own, "OLDPWD")

	chosen := map[string]string{}
	switch r.export {
	case exportAll:
		for name, value := range own {
			chosen[name] = value
		}
	case exportNamed:
		for _, pattern := range r.exportNames {
			copyMatching(chosen, own, pattern)
		}
	}
	for _, e := range append(append([]envEdit{}, r.common.Env...), s.Env...) {
		if !e.inherit {
			chosen[e.name] = e.Value
		} else if !copyMatching(chosen, own, e.name) {
			notes = append(notes, fmt.Sprintf("-x %s: the environment has no such variable", e.name))
		}
	}
	for name, value := range chosen {
		env = append(env, &schedpb.EnvVar{Name: name, Value: value})
	}
	sort.Slice(env, func(i, j int) bool { return env[i].Name < env[j].Name })
	return env, notes
}

// copyMatching copies the variables whose names match a pattern such as OMP_*, and reports whether there were any.
func copyMatching(to, from map[string]string, pattern string) (found bool) {
	for name, value := range from {
		if ok, _ := filepath.Match(pattern, name); ok {
			to[name], found = value, true
		}
	}
	return found
}
