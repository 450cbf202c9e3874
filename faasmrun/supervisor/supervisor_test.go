package supervisor

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// A first line is read as the kernel reads it.
func TestInterpreter(t *testing.T) {
	for text, want := range map[string][]string{
		"#!/bin/sh\necho":               {"/bin/sh"},
		"#!/bin/sh":                     {"/bin/sh"},
		"#! /usr/bin/env python3 -u \n": {"/usr/bin/env", "python3 -u"},
		"#!/bin/bash\t-l\n":             {"/bin/bash", "-l"},
	} {
		if got, err := interpreter([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                      "does not begin with #!",
		"echo":                                  "does not begin with #!",
		"#!\n":                                  "names no interpreter",
		"#! \t \n":                              "names no interpreter",
		"#!bash\n":                              "absolute path",
		"#!/bin/sh\r\n":                         "newline alone",
		"#!/bin/\x00sh\n":                       "newline alone",
		"#!/" + strings.Repeat("a", 300) + "\n": "at most 255",
	} {
		if got, err := interpreter([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// Whoever descends from this process is a member, and nobody else.
func TestMembers(t *testing.T) {
	c := exec.Command("cat")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Skip(err)
	}
	if err := isMember(c.Process.Pid); err != nil {
		t.Errorf("a child: %v", err)
	}
	for _, pid := range []int{os.Getpid(), os.Getppid(), 1} {
		if err := isMember(pid); err == nil || !strings.Contains(err.Error(), "is no part of that job") {
			t.Errorf("process %d is a member: %v", pid, err)
		}
	}
	below := processes().below(os.Getpid())
	if len(below) != 1 || below[0].pid != c.Process.Pid || below[0].zombie || below[0].name != "cat" {
		t.Errorf("below are %+v", below)
	}
	in.Close()
	c.Wait()
	if err := isMember(c.Process.Pid); err == nil {
		t.Error("a process that has ended is a member")
	}
	if below := processes().below(os.Getpid()); len(below) != 0 {
		t.Errorf("below are %+v", below)
	}
}
