package launch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// pprRule is --map-by ppr:N:UNIT: so many ranks on each node or core. Zero: not said.
type pprRule struct {
	Ranks int
	unit  string
}

var (
	// mapPolicies are the ways of mapping that mpirun knows and that mean the same on one machine, where ranks float
	// between the executor's threads: in order of slots.
	mapPolicies = []string{"slot", "node", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache",
		"l3cache", "board", "seq", "dist"}
	// mapModifiers follow after ":"; those with "=" take a value.
	mapModifiers = []string{"oversubscribe", "nooversubscribe", "span", "pe=", "hwtcpus", "corecpus", "nolocal", "inherit",
		"noinherit", "ordered", "device=", "pe-list="}
	rankPolicies = []string{"slot", "node", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache",
		"l3cache", "board", "fill", "span"}
	bindTargets = []string{"none", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache", "l3cache",
		"board"}
)

// mapBy reads the value of --map-by.
func (s *Segment) mapBy(r *Request, text string) error {
	policy, modifiers, _ := strings.Cut(strings.ToLower(text), ":")
	if policy == "ppr" {
		count, rest, _ := strings.Cut(modifiers, ":")
		unit, more, _ := strings.Cut(rest, ":")
		n, err := cli.ParseCount(count)
		if err != nil {
			return fmt.Errorf("ppr:N:%s %v", unit, err)
		}
		if unit != "node" && unit != "core" && unit != "hwthread" {
			return fmt.Errorf("ppr:N:UNIT counts ranks by node, core or hwthread; %q is none of these", unit)
		}
		s.Ppr, modifiers = pprRule{n, unit}, more
	} else if policy != "" {
		if err := checkPolicy("map-by", policy, mapPolicies); err != nil {
			return err
		}
	}
	return s.mapModifiers(r, modifiers)
}

func (s *Segment) mapModifiers(r *Request, text string) error {
	for _, m := range strings.FieldsFunc(text, func(c rune) bool { return c == ':' || c == ',' }) {
		switch m {
		case "oversubscribe":
			r.setOversubscribe(true)
		case "nooversubscribe":
			r.setOversubscribe(false)
		case "hwtcpus":
			r.hwthreads = true
		default:
			key, value, assigned := strings.Cut(m, "=")
			if assigned {
				key += "="
			}
			if err := checkPolicy("modifier", key, mapModifiers); err != nil {
				return err
			}
			if key == "pe=" {
				var err error
				if s.cpus, err = cli.ParseCPUs(value); err != nil {
					return fmt.Errorf("PE %v", err)
				}
			}
		}
	}
	return nil
}

// setOversubscribe is what was said last about more ranks than slots.
func (r *Request) setOversubscribe(fine bool) { r.oversubscribe, r.strictSlots = fine, !fine }

func checkPolicy(what, policy string, known []string) error {
	policy, _, _ = strings.Cut(strings.ToLower(policy), ":")
	for _, k := range known {
		if k == policy {
			return nil
		}
	}
	if near := nearest(policy, known); near != "" {
		return fmt.Errorf("does not know %q; did you mean %s?", policy, near)
	}
	return fmt.Errorf("does not know %q; it knows %s", policy, strings.Join(known, ", "))
}

func (r *Request) bindTo(text string) error {
	if err := checkPolicy("bind-to", text, bindTargets); err != nil {
		return err
	}
	r.bind, _, _ = strings.Cut(strings.ToLower(text), ":")
	return nil
}

// Place settles how many ranks each program gets, and how many slots that uses. With a cluster hosts are its workers,
// which are not known here; without one there is this machine.
func (r *Request) Place(m machine.Machine, cluster bool) (slots int, err error) {
	cores := m.Cores
	if r.hwthreads {
		cores = m.Threads
	}
	total, taken, allowed := 0, 0, cores
	for i := range r.Segments {
		s := &r.Segments[i]
		if err := s.checkHosts(m.Hostname); err != nil && !cluster {
			return 0, err
		}
		here := s.slotsHere(cores)
		if s.hostsGiven {
			allowed = here
		}
		if err := s.settleRanks(here, cores, m.Threads); err != nil {
			return 0, err
		}
		total += s.Ranks
		taken += s.Ranks * max(s.cpus, 1)
	}
	if total > cli.MaxRanks {
		return 0, cli.Usagef("%d ranks are more than the %d that one job can have", total, cli.MaxRanks)
	}
	if !cluster || r.namesHosts() {
		r.allowed = allowed
	}
	if err := r.checkSlots(taken); err != nil {
		return 0, err
	}
	for _, rank := range r.stdinRanks {
		if int(rank) >= total {
			return 0, cli.Usagef("--stdin names rank %d, but the job has ranks 0 to %d", rank, total-1)
		}
	}
	return max(taken, allowed), nil
}

// checkSlots refuses what nobody can have, and, with --nooversubscribe, what this machine or those hosts have not.
func (r *Request) checkSlots(taken int) error {
	if taken > cli.MaxRanks {
		return cli.Usagef("%d ranks take %d slots (--cpus-per-rank, OMP_NUM_THREADS); one job can have at most %d", r.ranks(),
			taken, cli.MaxRanks)
	}
	if r.strictSlots && r.allowed > 0 && taken > r.allowed {
		return cli.Usagef("%s more than the %d slots here, and --nooversubscribe was given", r.taking(taken), r.allowed)
	}
	return nil
}

// taking says how many slots the job's ranks take.
func (r *Request) taking(slots int) string {
	if ranks := r.ranks(); slots != ranks {
		return fmt.Sprintf("%d ranks take %d slots (--cpus-per-rank, OMP_NUM_THREADS), which are", ranks, slots)
	}
	return fmt.Sprintf("%d ranks are", slots)
}

func (r *Request) namesHosts() bool {
	return slices.ContainsFunc(r.Segments, func(s Segment) bool { return s.hostsGiven })
}

// workers are the hosts by the names that workers go by; those that mean this machine have its own.
func (r *Request) workers(m machine.Machine) (names []string) {
	for _, s := range r.Segments {
		for _, h := range s.hosts {
			name := h.name
			if isThisHost(name, m.Hostname) {
				name = m.NodeName()
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (r *Request) ranks() (n int) {
	for _, s := range r.Segments {
		n += s.Ranks
	}
	return n
}

// checkClusterSlots is --nooversubscribe with a cluster: no worker that there is has so many slots.
func (r *Request) checkClusterSlots(ctx context.Context, nodes schedpb.ClusterClient, hosts []string,
	taken int) error {
	answer, err := nodes.Nodes(ctx, &schedpb.NodesRequest{})
	if err != nil {
		return cli.Refusal(err)
	}
	most := uint32(0)
	for _, n := range answer.Nodes {
		if len(hosts) == 0 || slices.Contains(hosts, n.Name) {
			most = max(most, n.Slots)
		}
	}
	if taken > int(most) {
		return cli.Usagef("%s more than the %d slots of the largest worker, and --nooversubscribe was given", r.taking(taken),
			most)
	}
	return nil
}

func (s *Segment) checkHosts(hostname string) error {
	for _, h := range s.hosts {
		if !isThisHost(h.name, hostname) {
			return cli.Usagef("host %s is not this machine; jobs over several machines need a scheduler with workers on them "+
				"(--scheduler or FAASMRUN_SCHEDULER)", h.name)
		}
	}
	return nil
}

// slotsHere counts this machine's slots as the hosts of the segment say, or its cores.
func (s *Segment) slotsHere(cores int) int {
	if !s.hostsGiven {
		return cores
	}
	slots := 0
	for _, h := range s.hosts {
		if h.slots == autoSlots {
			return cores
		}
		slots += h.slots
	}
	return slots
}

func (s *Segment) settleRanks(slots, cores, threads int) error {
	most := 0 // 0: no rule limits the ranks of this node
	switch {
	case s.Ppr.unit == "node":
		most = s.Ppr.Ranks
	case s.Ppr.unit == "core":
		most = s.Ppr.Ranks * cores
	case s.Ppr.unit == "hwthread":
		most = s.Ppr.Ranks * threads
	case s.PerNode > 0:
		most = s.PerNode
	}
	if s.Ranks == 0 {
		if s.Ranks = max(1, slots/max(s.cpus, 1)); most > 0 {
			s.Ranks = most
		}
		return nil
	}
	if most > 0 && s.Ranks > most {
		return cli.Usagef("%s: %d ranks were asked for, but no more than %d on each node, and there is one node", s.Program,
			s.Ranks, most)
	}
	return nil
}
