package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// pprRule is --map-by ppr:N:UNIT: so many ranks on each node or core. Zero: not said.
type pprRule struct {
	ranks int
	unit  string
}

var (
	// mapPolicies are the ways of mapping that mpirun knows and that mean the same on one machine, where ranks float
	// between the executor's threads: in order of slots.
	mapPolicies = []string{"slot", "node", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache", "l3cache", "board", "seq", "dist"}
	// mapModifiers follow after ":"; those with "=" take a value.
	mapModifiers = []string{"oversubscribe", "nooversubscribe", "span", "pe=", "hwtcpus", "corecpus", "nolocal", "inherit", "noinherit", "ordered", "device=", "pe-list="}
	rankPolicies = []string{"slot", "node", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache", "l3cache", "board", "fill", "span"}
	bindTargets  = []string{"none", "core", "hwthread", "socket", "package", "numa", "l1cache", "l2cache", "l3cache", "board"}
)

// mapBy reads the value of --map-by.
func (s *segment) mapBy(r *request, text string) error {
	policy, modifiers, _ := strings.Cut(strings.ToLower(text), ":")
	if policy == "ppr" {
		count, rest, _ := strings.Cut(modifiers, ":")
		unit, more, _ := strings.Cut(rest, ":")
		n, err := parseCount(count)
		if err != nil {
			return fmt.Errorf("ppr:N:%s %v", unit, err)
		}
		if unit != "node" && unit != "core" && unit != "hwthread" {
			return fmt.Errorf("ppr:N:UNIT counts ranks by node, core or hwthread; %q is none of these", unit)
		}
		s.ppr, modifiers = pprRule{n, unit}, more
	} else if policy != "" {
		if err := checkPolicy("map-by", policy, mapPolicies); err != nil {
			return err
		}
	}
	return r.mapModifiers(modifiers)
}

func (r *request) mapModifiers(text string) error {
	for _, m := range strings.FieldsFunc(text, func(c rune) bool { return c == ':' || c == ',' }) {
		switch m {
		case "oversubscribe":
			r.setOversubscribe(true)
		case "nooversubscribe":
			r.setOversubscribe(false)
		case "hwtcpus":
			r.hwthreads = true
		default:
			key, _, assigned := strings.Cut(m, "=")
			if assigned {
				key += "="
			}
			if err := checkPolicy("modifier", key, mapModifiers); err != nil {
				return err
			}
		}
	}
	return nil
}

// setOversubscribe is what was said last about more ranks than slots.
func (r *request) setOversubscribe(fine bool) { r.oversubscribe, r.strictSlots = fine, !fine }

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

func (r *request) bindTo(text string) error {
	if err := checkPolicy("bind-to", text, bindTargets); err != nil {
		return err
	}
	r.bind, _, _ = strings.Cut(strings.ToLower(text), ":")
	return nil
}

// machine is what placement needs to know of this host.
type machine struct {
	hostname       string
	cores, threads int
	memory         uint64 // bytes; what is free of it the worker judges when ranks start
}

// nodeName is the name a worker on this machine goes by.
func (m machine) nodeName() string {
	short, _, _ := strings.Cut(m.hostname, ".")
	if short == "" {
		return "localhost"
	}
	return short
}

// place settles how many ranks each program gets, and how many slots that uses. With a cluster hosts are its workers, which are not
// known here; without one there is this machine.
func (r *request) place(m machine, cluster bool) (slots int, err error) {
	cores := m.cores
	if r.hwthreads {
		cores = m.threads
	}
	total, allowed := 0, cores
	for i := range r.segments {
		s := &r.segments[i]
		if err := s.checkHosts(m.hostname); err != nil && !cluster {
			return 0, err
		}
		here := s.slotsHere(cores)
		if s.hostsGiven {
			allowed = here
		}
		if err := s.settleRanks(here, cores, m.threads); err != nil {
			return 0, err
		}
		total += s.ranks
	}
	if total > maxRanks {
		return 0, usagef("%d ranks are more than the %d that one job can have", total, maxRanks)
	}
	if r.strictSlots && total > allowed && (!cluster || r.namesHosts()) {
		return 0, usagef("%d ranks are more than the %d slots here, and --nooversubscribe was given", total, allowed)
	}
	for _, rank := range r.stdinRanks {
		if int(rank) >= total {
			return 0, usagef("--stdin names rank %d, but the job has ranks 0 to %d", rank, total-1)
		}
	}
	return max(total, allowed), nil
}

func (r *request) namesHosts() bool {
	return slices.ContainsFunc(r.segments, func(s segment) bool { return s.hostsGiven })
}

// workers are the hosts by the names that workers go by; those that mean this machine have its own.
func (r *request) workers(m machine) (names []string) {
	for _, s := range r.segments {
		for _, h := range s.hosts {
			name := h.name
			if isThisHost(name, m.hostname) {
				name = m.nodeName()
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (r *request) ranks() (n int) {
	for _, s := range r.segments {
		n += s.ranks
	}
	return n
}

// checkClusterSlots is --nooversubscribe with a cluster: no worker that there is has so many slots.
func (r *request) checkClusterSlots(ctx context.Context, nodes schedpb.ClusterClient, hosts []string) error {
	answer, err := nodes.Nodes(ctx, &schedpb.NodesRequest{})
	if err != nil {
		return refusal(err)
	}
	most := uint32(0)
	for _, n := range answer.Nodes {
		if len(hosts) == 0 || slices.Contains(hosts, n.Name) {
			most = max(most, n.Slots)
		}
	}
	if ranks := r.ranks(); uint32(ranks) > most {
		return usagef("%d ranks are more than the %d slots of the largest worker, and --nooversubscribe was given", ranks, most)
	}
	return nil
}

func (s *segment) checkHosts(hostname string) error {
	for _, h := range s.hosts {
		if !isThisHost(h.name, hostname) {
			return usagef("host %s is not this machine; jobs over several machines need a scheduler with workers on them (--scheduler or FAASMRUN_SCHEDULER)", h.name)
		}
	}
	return nil
}

// slotsHere counts this machine's slots as the hosts of the segment say, or its cores.
func (s *segment) slotsHere(cores int) int {
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

func (s *segment) settleRanks(slots, cores, threads int) error {
	most := 0 // 0: no rule limits the ranks of this node
	switch {
	case s.ppr.unit == "node":
		most = s.ppr.ranks
	case s.ppr.unit == "core":
		most = s.ppr.ranks * cores
	case s.ppr.unit == "hwthread":
		most = s.ppr.ranks * threads
	case s.perNode > 0:
		most = s.perNode
	}
	if s.ranks == 0 {
		if s.ranks = slots; most > 0 {
			s.ranks = most
		}
		return nil
	}
	if most > 0 && s.ranks > most {
		return usagef("%s: %d ranks were asked for, but no more than %d on each node, and there is one node", s.program, s.ranks, most)
	}
	return nil
}

// thisMachine asks the system. Cores are those that this process may run on.
func thisMachine() machine {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	m := machine{hostname: name, threads: runtime.NumCPU()}
	m.cores = countCores(m.threads)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.memory = uint64(info.Totalram) * uint64(info.Unit)
	}
	return m
}

// countCores counts the distinct cores behind the processors this process may use, or gives their number where the
// system does not tell which of them are siblings.
func countCores(threads int) int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return threads
	}
	cores, found := map[string]bool{}, 0
	for cpu := 0; found < set.Count() && cpu < len(set)*strconv.IntSize; cpu++ {
		if !set.IsSet(cpu) {
			continue
		}
		found++
		siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		if err != nil {
			return threads
		}
		cores[string(siblings)] = true
	}
	return max(len(cores), 1)
}
