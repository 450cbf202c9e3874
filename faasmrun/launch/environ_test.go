package launch

import (
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	launcher := []string{"HOME=/h", "OMP_NUM_THREADS=2", "OMP_PROC_BIND=x", "FAASMRUN_HOME=/secret", "PWD=/here",
		"OLDPWD=/there", "EMPTY=",
		"BAD=\xff", "=C:=odd"}
	for _, c := range []struct{ line, want, notes string }{
		{"a", "BAD=\xff EMPTY= HOME=/h OMP_NUM_THREADS=2 OMP_PROC_BIND=x PWD=/", ""},
		{"-x NEW=1 -x HOME=/other a", "BAD=\xff EMPTY= HOME=/other NEW=1 OMP_NUM_THREADS=2 OMP_PROC_BIND=x PWD=/", ""},
		{"-x NEW=a=b a", "BAD=\xff EMPTY= HOME=/h NEW=a=b OMP_NUM_THREADS=2 OMP_PROC_BIND=x PWD=/", ""},
		{"--export NONE a", "", ""},
		{"--export NONE -x OMP_* a", "OMP_NUM_THREADS=2 OMP_PROC_BIND=x", ""},
		{"--export HOME,NEW=1 a", "HOME=/h NEW=1", ""},
		{"--export ALL,NEW=1 a", "BAD=\xff EMPTY= HOME=/h NEW=1 OMP_NUM_THREADS=2 OMP_PROC_BIND=x PWD=/", ""},
		{"-envnone --env A 1 a", "A=1", ""},
		{"-envnone -x FAASMRUN_HOME a", "", "-x FAASMRUN_HOME: the environment has no such variable"},
		{"-envnone -x NOPE -x HOME a", "HOME=/h", "-x NOPE: the environment has no such variable"},
		{"-envnone --mca btl self --genv A 1 -x A=2 a", "A=2 OMPI_MCA_btl=self", ""},
	} {
		r, err := parseRequest(strings.Fields(c.line))
		if err != nil {
			t.Fatal(err)
		}
		env, notes := r.environment(&r.Segments[0], launcher)
		var got []string
		for _, v := range env {
			got = append(got, v.Name+"="+v.Value)
		}
		if strings.Join(got, " ") != c.want || strings.Join(notes, ";") != c.notes {
			t.Errorf("%s\n got %s (%v)\nwant %s (%s)", c.line, strings.Join(got, " "), notes, c.want, c.notes)
		}
	}
}
