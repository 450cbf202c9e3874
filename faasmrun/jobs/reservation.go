package jobs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// ReservationCommand is faasmrun reservation: slots that are kept for tenants.
func ReservationCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "reservation", Short: "keep nodes or slots for tenants, from a moment on",
		Long: `faasmrun reservation keeps nodes or slots for tenants, from a moment on and for some time. Their jobs use it by
faasmrun submit --reservation NAME, and are ended with it. Other jobs are placed there only if their time limit is over
before it begins.`,
	}
	c.AddCommand(reserveCommand(), reservationsCommand(), unreserveCommand())
	return c
}

// reserveFlags are the options of faasmrun reservation create.
type reserveFlags struct {
	client.ClusterFlags
	start, duration string
	tenants, nodes  []string
	slots           uint32
	ignore          bool
}

func reserveCommand() *cobra.Command {
	var f reserveFlags
	c := &cobra.Command{
		Use: "create NAME --duration TIME --tenants TENANT,… --nodes NODE,… | --slots N", Short: "make a reservation",
		Args: cobra.ExactArgs(1),
		Long: "faasmrun reservation create makes a reservation: of whole nodes, or of a number of slots wherever they will " +
			"be free. It is refused if a running job may still hold those slots when it begins, unless --ignore-jobs is " +
			"given. For administrators.",
		RunE: func(_ *cobra.Command, words []string) error { return f.create(words[0]) },
	}
	f.Add(c)
	c.Flags().StringVar(&f.start, "start", "now",
		"when it begins, in local time: now, now+2hours, +30 (minutes), 16:30, tomorrow, 2026-01-31T08:00")
	c.Flags().StringVar(&f.duration, "duration", "", "how long it lasts, written as in submit --time")
	c.Flags().StringSliceVar(&f.tenants, "tenants", nil, "who may have jobs in it, as listings name them")
	c.Flags().StringSliceVar(&f.nodes, "nodes", nil, "reserve these nodes, with all their slots")
	c.Flags().Uint32Var(&f.slots, "slots", 0, "reserve this many slots, on as few nodes as possible")
	c.Flags().BoolVar(&f.ignore, "ignore-jobs", false, "reserve even slots that jobs of now may still hold when it begins")
	c.MarkFlagRequired("duration")
	c.MarkFlagRequired("tenants")
	return c
}

func (f *reserveFlags) create(name string) error {
	from := int64(0)
	if f.start != "now" {
		start, err := cli.ParseMoment(f.start, time.Now())
		if err != nil {
			return cli.Usagef("--start: %v", err)
		}
		from = start.UnixNano()
	}
	d, err := cli.ParseLimit(f.duration)
	if err != nil {
		return cli.Usagef("--duration: %v", err)
	}
	req := &schedpb.ReserveRequest{Name: name, FromUnixNs: from, DurationMs: d.Milliseconds(), Tenants: f.tenants,
		Nodes: f.nodes,
		Slots: f.slots, IgnoreJobs: f.ignore}
	return f.With(func(c *client.Cluster) error {
		answer, err := c.ClusterService.Reserve(c.Ctx, req)
		if err != nil {
			return c.Refusal(err)
		}
		return printReservations(c, []*schedpb.Reservation{answer.Reservation})
	})
}

func reservationsCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "list", Short: "list the reservations that are not over", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return f.With(func(c *client.Cluster) error {
				answer, err := c.ClusterService.Reservations(c.Ctx, &schedpb.ReservationsRequest{})
				if err != nil {
					return c.Refusal(err)
				}
				return printReservations(c, answer.Reservations)
			})
		},
	}
	f.Add(c)
	return c
}

func unreserveCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "delete NAME…", Short: "end reservations; jobs that wait to run in them are cancelled",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, names []string) error {
			return f.With(func(c *client.Cluster) error {
				for _, name := range names {
					if _, err := c.ClusterService.Unreserve(c.Ctx, &schedpb.UnreserveRequest{Name: name}); err != nil {
						return c.Refusal(err)
					}
					fmt.Fprintf(c.Out, "reservation %s is over\n", cli.Plain(name))
				}
				return nil
			})
		},
	}
	f.AddAddress(c)
	return c
}

// reservationRecord is a reservation as --json shows it.
type reservationRecord struct {
	Name    string            `json:"name"`
	State   string            `json:"state"`
	Start   string            `json:"start"`
	End     string            `json:"end"`
	Tenants []string          `json:"tenants"`
	Nodes   map[string]uint32 `json:"nodes"` // slots of each; 0: all
}

func printReservations(c *client.Cluster, list []*schedpb.Reservation) error {
	var all []reservationRecord
	var rows [][]string
	for _, v := range list {
		r := reservationRecord{v.Name, "waiting", moment(v.FromUnixNs), moment(v.ToUnixNs), v.Tenants, map[string]uint32{}}
		if v.Begun {
			r.State = "active"
		}
		var nodes []string
		for _, p := range v.Parts {
			r.Nodes[p.Node] = p.Slots
			if p.Slots > 0 {
				nodes = append(nodes, p.Node+":"+strconv.Itoa(int(p.Slots)))
			} else {
				nodes = append(nodes, p.Node)
			}
		}
		all = append(all, r)
		rows = append(rows, []string{r.Name, r.State, clock(v.FromUnixNs), clock(v.ToUnixNs), strings.Join(r.Tenants, ","),
			strings.Join(nodes, ",")})
	}
	if c.Json {
		return cli.PrintJSON(c.Out, all)
	}
	return cli.Table(c.Out, "RESERVATION STATE START END TENANTS NODES", rows)
}

// clock is a moment for a person.
func clock(ns int64) string { return time.Unix(0, ns).Format("2006-01-02T15:04:05") }
