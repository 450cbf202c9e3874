package launch

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

// hostSlots is one host of --host or a hostfile with the ranks it may take.
type hostSlots struct {
	name  string
	slots int // autoSlots: as many as it has cores
}

const autoSlots = -1

// parseHostList reads a,b:4,c:auto. A host named twice has its slots added up.
func parseHostList(text string) ([]hostSlots, error) {
	var hosts []hostSlots
	for _, item := range strings.Split(text, ",") {
		h, err := parseHost(item)
		if err != nil {
			return nil, err
		}
		hosts = addHost(hosts, h)
	}
	return hosts, nil
}

// parseHost reads HOST or HOST:SLOTS. An IPv6 address stands in brackets when slots follow.
func parseHost(item string) (hostSlots, error) {
	name, slots := item, ""
	if inner, after, bracketed := strings.Cut(item, "]"); bracketed && strings.HasPrefix(inner, "[") {
		name, slots = inner[1:], strings.TrimPrefix(after, ":")
	} else if strings.Count(item, ":") == 1 {
		name, slots, _ = strings.Cut(item, ":")
		if slots == "" {
			return hostSlots{}, fmt.Errorf("gives no slots after the colon of %q", item)
		}
	}
	if name == "" || strings.ContainsAny(name, " \t=") {
		return hostSlots{}, fmt.Errorf("needs hosts such as localhost or node1:4; %q is none", item)
	}
	h := hostSlots{name: name, slots: 1}
	if slots != "" {
		n, err := parseSlots(slots)
		if err != nil {
			return hostSlots{}, err
		}
		h.slots = n
	}
	return h, nil
}

func parseSlots(text string) (int, error) {
	if text == "auto" || text == "*" {
		return autoSlots, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > cli.MaxRanks {
		return 0, fmt.Errorf("needs a number of slots from 1 to %d; %q is none", cli.MaxRanks, text)
	}
	return n, nil
}

func addHost(hosts []hostSlots, h hostSlots) []hostSlots {
	for i := range hosts {
		if hosts[i].name != h.name {
			continue
		}
		if h.slots == autoSlots || hosts[i].slots == autoSlots {
			hosts[i].slots = autoSlots
		} else {
			hosts[i].slots = min(hosts[i].slots+h.slots, cli.MaxRanks)
		}
		return hosts
	}
	return append(hosts, h)
}

// maxHostfileLines bounds a hostfile: a large cluster's, not a file given by mistake.
const maxHostfileLines = 1 << 17

func readHostfile(name string) ([]hostSlots, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %v", err)
	}
	defer f.Close()
	hosts, err := parseHostfile(f)
	if err != nil {
		return nil, fmt.Errorf("%s %v", name, err)
	}
	return hosts, nil
}

// parseHostfile reads a line a host: HOST, HOST:SLOTS or HOST slots=N max_slots=M, and comments after "#".
func parseHostfile(text io.Reader) ([]hostSlots, error) {
	var hosts []hostSlots
	seen := map[string]int{}
	lines := bufio.NewScanner(text)
	for number := 1; lines.Scan(); number++ {
		if number > maxHostfileLines {
			return nil, fmt.Errorf("has more than %d lines", maxHostfileLines)
		}
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		h, err := parseHostfileLine(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		if i, ok := seen[h.name]; ok {
			addHost(hosts[i:i+1], h)
			continue
		}
		seen[h.name] = len(hosts)
		hosts = append(hosts, h)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("is no hostfile: %v", err)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("names no host")
	}
	return hosts, nil
}

func parseHostfileLine(fields []string) (hostSlots, error) {
	h, err := parseHost(fields[0])
	if err != nil {
		return h, err
	}
	most := 0
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return h, fmt.Errorf("%q is not of the form slots=N", f)
		}
		switch key {
		case "slots", "cpus", "count":
			h.slots, err = parseSlots(value)
		case "max_slots", "max-slots", "cpus_max":
			most, err = parseSlots(value)
		case "user", "username", "port":
			// About how to log in, which is never needed here.
		default:
			return h, fmt.Errorf("%q is not known; slots=N and max_slots=M are", f)
		}
		if err != nil {
			return h, err
		}
	}
	if most > 0 && h.slots > most {
		return h, fmt.Errorf("slots=%d is more than max_slots=%d", h.slots, most)
	}
	return h, nil
}

func (s *Segment) addHosts(hosts []hostSlots, err error) error {
	if err != nil {
		return err
	}
	s.hostsGiven = true
	for _, h := range hosts {
		s.hosts = addHost(s.hosts, h)
	}
	return nil
}

// isThisHost reports whether a name means the machine that the launcher runs on.
func isThisHost(name, hostname string) bool {
	short, _, _ := strings.Cut(hostname, ".")
	switch strings.ToLower(name) {
	case "localhost", "localhost.localdomain", "127.0.0.1", "::1", strings.ToLower(hostname), strings.ToLower(short):
		return true
	}
	return false
}
