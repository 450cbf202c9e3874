package jobs

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// UsageCommand is faasmrun usage: what each tenant has used.
func UsageCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "usage", Short: "list what each tenant has used", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return f.With(func(c *client.Cluster) error {
				answer, err := c.ClusterService.Usage(c.Ctx, &schedpb.UsageRequest{})
				if err != nil {
					return c.Refusal(err)
				}
				return printUsage(c, answer.Tenants)
			})
		},
	}
	f.Add(c)
	return c
}

// usageRecord is a tenant as --json shows it.
type usageRecord struct {
	Tenant      string  `json:"tenant"`
	Jobs        uint64  `json:"jobs"`
	SlotSeconds float64 `json:"slot_seconds"`
	CPU         float64 `json:"cpu_seconds"`
	ShareUsed   float64 `json:"share_used_slot_seconds"`
	FairShare   int64   `json:"fair_share_points"`
	Slots       uint32  `json:"slots"`
	Running     uint32  `json:"running"`
	Pending     uint32  `json:"pending"`
}

func printUsage(c *client.Cluster, tenants []*schedpb.TenantUsage) error {
	var all []usageRecord
	var rows [][]string
	for _, t := range tenants {
		r := usageRecord{t.Tenant, t.Jobs, float64(t.SlotMs) / 1000, time.Duration(t.CpuNs).Seconds(),
			float64(t.ShareUsedSlotMs) / 1000,
			t.FairSharePoints, t.Slots, t.Running, t.Pending}
		all = append(all, r)
		rows = append(rows, []string{r.Tenant, fmt.Sprint(r.Running), fmt.Sprint(r.Pending), fmt.Sprint(r.Slots),
			fmt.Sprint(r.Jobs),
			fmt.Sprintf("%.2f", r.SlotSeconds/3600), fmt.Sprintf("%.2f", r.CPU/3600), fmt.Sprint(r.FairShare)})
	}
	if c.Json {
		return cli.PrintJSON(c.Out, all)
	}
	return cli.Table(c.Out, "TENANT RUNNING PENDING SLOTS ENDED SLOT-HOURS CPU-HOURS FAIR-SHARE", rows)
}
