package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/auth"
)

// Lives of keys and certificates, where nothing is said.
const (
	day           = 24 * time.Hour
	authorityLife = 10 * 365 * day
	certLife      = 365 * day
)

// AuthCommand is faasmrun auth: the cluster's own certificate authority.
func AuthCommand() *cobra.Command {
	var ca string
	c := &cobra.Command{
		Use: "auth", Short: "certificates for a cluster of several machines",
		Long: "faasmrun auth keeps a certificate authority for one cluster. In a directory that only its administrator " +
			"reads:\n\n" +
			"  faasmrun auth init                          once\n" +
			"  faasmrun auth issue scheduler main          makes ./main: for faasmrun scheduler --listen HOST:PORT --certs " +
			"main\n" +
			"  faasmrun auth issue worker node7            makes ./node7: for FAASMRUN_CERTS on that machine\n" +
			"  faasmrun auth issue tenant alice            makes ./alice: for FAASMRUN_CERTS of that person\n" +
			"  faasmrun auth revoke alice                  then copy crl.pem into the scheduler's directory",
	}
	c.PersistentFlags().StringVar(&ca, "ca", "ca", "the authority's directory")
	c.AddCommand(authInit(&ca), authIssue(&ca), authRevoke(&ca), authList(&ca), authRotate(&ca))
	return c
}

func authInit(ca *string) *cobra.Command {
	life := authorityLife
	c := &cobra.Command{Use: "init", Short: "make an authority", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := auth.Create(*ca, "faasmrun cluster", life); err != nil {
				return err
			}
			fmt.Printf("the authority is in %s; keep that directory to yourself\n", *ca)
			return nil
		}}
	c.Flags().DurationVar(&life, "for", life, "how long its key is valid")
	return c
}

func authIssue(ca *string) *cobra.Command {
	life, out := certLife, ""
	c := &cobra.Command{Use: "issue ROLE NAME", Short: "make a certificate: for a scheduler, a worker or a tenant",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, words []string) error {
			a, err := auth.Load(*ca)
			if err != nil {
				return err
			}
			if out == "" {
				out = words[1]
			}
			if err := a.Issue(auth.Role(words[0]), words[1], out, life); err != nil {
				return err
			}
			fmt.Printf("the certificate of %s %s is in %s, good until %s\n", words[0], words[1], out,
				time.Now().Add(life).Format(time.DateOnly))
			return nil
		}}
	c.Flags().DurationVar(&life, "for", life, "how long the certificate is valid")
	c.Flags().StringVar(&out, "out", "", "the directory to write it to (./NAME)")
	return c
}

func authRevoke(ca *string) *cobra.Command {
	return &cobra.Command{Use: "revoke NAME|SERIAL", Short: "end certificates before their time", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, words []string) error {
			a, err := auth.Load(*ca)
			if err != nil {
				return err
			}
			n, err := a.Revoke(func(i auth.Issued) bool { return i.Name == words[0] || i.Serial == words[0] })
			if err != nil {
				return err
			}
			if n == 0 {
				return cli.Failure(cli.StatusFailed, "no certificate that is still good has the name or number "+words[0])
			}
			fmt.Printf("%d revoked; copy %s into the scheduler's directory\n", n, filepath.Join(*ca, "crl.pem"))
			return nil
		}}
}

func authList(ca *string) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "list what was issued", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			a, err := auth.Load(*ca)
			if err != nil {
				return err
			}
			all, err := a.List()
			if err != nil {
				return err
			}
			var rows [][]string
			for _, i := range all {
				state := "good"
				if i.Revoked {
					state = "revoked"
				} else if time.Now().After(i.Until) {
					state = "expired"
				}
				rows = append(rows, []string{i.Name, string(i.Role), state, i.Until.Format(time.DateOnly), i.Serial})
			}
			return cli.Table(os.Stdout, "NAME ROLE STATE UNTIL SERIAL", rows)
		}}
}

func authRotate(ca *string) *cobra.Command {
	life, retire := authorityLife, false
	c := &cobra.Command{Use: "rotate", Short: "replace the authority's key", Args: cobra.NoArgs,
		Long: "faasmrun auth rotate makes a new key; the old one stays trusted beside it. Then, in this order: copy the " +
			"new ca.pem to all machines, issue all certificates again, run faasmrun auth rotate --retire, which ends the " +
			"trust in the old key, and copy ca.pem once more.",
		RunE: func(*cobra.Command, []string) error {
			a, err := auth.Load(*ca)
			if err != nil {
				return err
			}
			if retire {
				return a.Retire()
			}
			return a.Rotate(life)
		}}
	c.Flags().DurationVar(&life, "for", life, "how long the new key is valid")
	c.Flags().BoolVar(&retire, "retire", false, "trust only the present key from now on")
	return c
}
